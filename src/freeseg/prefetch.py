"""Work that other threads begin before its result is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(work: Callable[[Item], Result], items: Iterable[Item], *, count: int) -> Generator[Future[Result]]:
    """Do work on items in other threads, in order, always some items before they are asked for.

    No more than `count` items are taken before their turn, so that memory does not grow with their number, and the
    items may be endless. Closing the generator drops the work that has not begun.

    Args:
        work: What is done with each item. An exception that it raises comes out of the item's future.
        items: Taken in this thread, one at a time.
        count: How many threads there are, and how many items they may be ahead.

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
            begun.append(threads.submit(work, item))
            if len(begun) > count:
                yield begun.popleft()
        yield from begun
    finally:
        threads.shutdown(cancel_futures=True)
