"""Photos begun in other threads before it is their turn."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

from freeseg.errors import PhotoError
from freeseg.photos import Photo, read_photo

Begun = TypeVar("Begun")


def ahead(begin: Callable[[Photo], Begun], images: Iterable[Photo], count: int) -> Generator[Future[Begun]]:
    """Have other threads begin with photos, in order.

    Args:
        begin: What is done of a photo.
        images: The photos; a lone path is one.
        count: So many threads, and so many photos begun before they are asked for.

    Example:
        >>> [begun.result() for begun in ahead(str.upper, ["a.jpg", "b.jpg", "c.jpg"], 2)]
        ['A.JPG', 'B.JPG', 'C.JPG']
    """
    begun: deque[Future[Begun]] = deque()
    others = ThreadPoolExecutor(count)
    try:
        for image in [images] if isinstance(images, str | os.PathLike) else images:
            begun.append(_submitted(others, begin, image))
            if len(begun) > count:
                yield begun.popleft()
        yield from begun
    finally:
        others.shutdown(cancel_futures=True)  # whoever stops here does not wait for photos that nobody wants


def _submitted(others: Executor, begin: Callable[[Photo], Begun], image: Photo) -> Future[Begun]:
    """Pixels are copied first: who gave them may fill them with the next frame meanwhile."""
    try:
        return others.submit(begin, image if isinstance(image, str | os.PathLike) else read_photo(image))
    except PhotoError as error:
        failed: Future[Begun] = Future()
        failed.set_exception(error)
        return failed
