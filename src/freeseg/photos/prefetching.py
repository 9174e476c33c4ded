"""Photos that other threads begin with before their turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from freeseg.errors import PhotoError
from freeseg.photos.naming import photo_source
from freeseg.photos.reading import Photo, is_photo, read_photo
from freeseg.prefetch import prefetch

Result = TypeVar("Result")


def prefetch_photos(
    work: Callable[[Photo], Result], photos: Iterable[Photo] | Photo, *, count: int
) -> Generator[Future[Result]]:
    """Do work on photos in other threads, in order, as `freeseg.prefetch.prefetch` does it.

    Pictures, arrays and open files are copied when they are taken, since their owner may fill them with the next frame
    before the work on them is done. A photo that cannot be read becomes a future that raises its PhotoError.

    Args:
        work: What is done with each photo.
        photos: Photos as `read_photo` takes them; a lone photo is one of them.
        count: How many threads there are, and how many photos they may be ahead.

    Example:
        >>> [upper.result() for upper in prefetch_photos(str.upper, ["a.jpg", "b.jpg"], count=1)]
        ['A.JPG', 'B.JPG']
    """

    def work_or_raise(photo: Photo | PhotoError) -> Result:
        if isinstance(photo, PhotoError):
            raise photo
        return work(photo)

    listed = [photos] if is_photo(photos) else photos
    return prefetch(work_or_raise, _own_copies(cast(Iterable[Photo], listed)), count=count)


def _own_copies(photos: Iterable[Photo]) -> Iterator[Photo | PhotoError]:
    """Paths and bytes as they are, and copies of pixels."""
    for photo in photos:
        yield photo if isinstance(photo, str | os.PathLike | bytes) else _own_copy(photo)


def _own_copy(photo: Photo) -> Photo | PhotoError:
    try:
        copy: Any = read_photo(photo)
        copy.filename = photo_source(photo)  # as of a picture that Pillow opened
        return cast(Photo, copy)
    except PhotoError as error:
        return error
