"""Work that other threads or processes begin before its result is asked for."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    count: int,
    is_alone: Callable[[Item], bool] = lambda item: False,
) -> Generator[Future[Result]]:
    """Do work on items in other threads, in order, always some items before they are asked for.

    No more than `count` items are taken before their turn, so that memory does not grow with their number, and the
    items may be endless. Closing the generator drops the work that has not begun.

    Args:
        work: What is done with each item. An exception that it raises comes out of the item's future.
        items: Taken in this thread, one at a time.
        count: How many threads there are, and how many items they may be ahead.
        is_alone: Whether an item needs so much that no other is worked on, or waits to be asked for, at the same time.

    Yields:
        A future for each item, in the order of the items.

    Example:
        >>> [upper.result() for upper in prefetch(str.upper, ["a.jpg", "b.jpg", "c.jpg"], count=2)]
        ['A.JPG', 'B.JPG', 'C.JPG']
    """
    begun: deque[Future[Result]] = deque()
    threads = ThreadPoolExecutor(count)
    try:
        for item in items:
            alone = is_alone(item)
            while begun and alone:
                yield begun.popleft()
            begun.append(threads.submit(work, item))
            while len(begun) > (0 if alone else count):
                yield begun.popleft()
        while begun:
            yield begun.popleft()
    finally:
        threads.shutdown(cancel_futures=True)


def end_with_parent(worker: int = 0) -> None:
    """End this process as soon as its parent has ended, even by a kill; in a process without a parent, do nothing.

    PyTorch's own watch over the processes of a `DataLoader` does not end one that waits to hand over what it has read.

    Args:
        worker: The number that `DataLoader` gives its processes; not used.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_and_end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()
