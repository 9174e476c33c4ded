"""Photos that other threads begin with before their turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar, cast

from freeseg.errors import PhotoError
from freeseg.photos.frame import Frame
from freeseg.photos.given import photos_of
from freeseg.photos.limits import is_large
from freeseg.photos.naming import photo_source
from freeseg.photos.reading import Photo, is_photo, read_photo, size_of
from freeseg.photos.seen import SeenPhoto
from freeseg.photos.web import WebFile, WebPhoto, web_photo
from freeseg.prefetch import prefetch

Given: TypeAlias = Photo | SeenPhoto
Result = TypeVar("Result")


def prefetch_photos(
    work: Callable[[Given], Result], photos: Iterable[Given] | Given, *, count: int
) -> Generator[Future[Result]]:
    """Do work on photos in other threads, in order, as `freeseg.prefetch.prefetch` does it.

    Pictures, arrays and open files are copied when they are taken, since their owner may fill them with the next frame
    before the work on them is done. Frames of a file are decoded then, and photos on the web fetched (texts that are
    URLs among them), one after the other. A folder, and a text that is a pattern, stand for their photos (`photos_of`).
    A photo that cannot be read becomes a future that raises its PhotoError. A photo of more than `LARGE_MEGAPIXELS` is
    worked on alone, so that memory has a limit.

    Args:
        work: What is done with each photo.
        photos: Photos as `read_photo` takes them, or what a model saw of them; a lone photo is one of them.
        count: How many threads there are, and how many photos they may be ahead.

    Example:
        >>> [upper.result() for upper in prefetch_photos(str.upper, ["a.jpg", "b.jpg"], count=1)]
        ['A.JPG', 'B.JPG']
    """

    def work_or_raise(photo: Given | PhotoError) -> Result:
        if isinstance(photo, PhotoError):
            raise photo
        return work(photo)

    listed = [photos] if isinstance(photos, SeenPhoto) or is_photo(photos) else photos
    return prefetch(work_or_raise, _own_copies(cast(Iterable[Given], listed)), count=count, is_alone=_is_large)


def _is_large(photo: Given | PhotoError) -> bool:
    if isinstance(photo, PhotoError | SeenPhoto):
        return False
    size = size_of(photo.decode() if isinstance(photo, Frame) else photo)
    return size is not None and is_large(size)


def _own_copies(photos: Iterable[Given]) -> Iterator[Given | PhotoError]:
    """Paths, bytes and what a model saw as they are, copies of pixels, and what was fetched of photos on the web."""
    for photo in photos:
        if web := photo if isinstance(photo, WebPhoto) else web_photo(photo):
            yield _fetched(web)
        elif isinstance(photo, str | os.PathLike):
            yield from _named(photo)
        else:
            yield photo if isinstance(photo, bytes | SeenPhoto) else _own_copy(photo)


def _named(path: str | os.PathLike[str]) -> Iterable[Given | PhotoError]:
    """The photos of a folder or a pattern, or the path itself."""
    try:
        found = photos_of(path)
    except PhotoError as error:
        return [error]
    return [path] if found is None else found


def _fetched(photo: WebPhoto) -> WebFile | PhotoError:
    try:
        return photo.fetch()
    except PhotoError as error:
        return error


def _own_copy(photo: Photo) -> Photo | PhotoError:
    try:
        if isinstance(photo, Frame):
            return photo.decoded()
        copy: Any = read_photo(photo)
        copy.filename = photo_source(photo)  # as of a picture that Pillow opened
        return cast(Photo, copy)
    except PhotoError as error:
        return error
