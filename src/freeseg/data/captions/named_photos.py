"""Photos that were named one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from freeseg.data.captions.records import read_file
from freeseg.data.captions.source import CaptionedPhoto
from freeseg.errors import DataError
from freeseg.files import path_for_message


class NamedPhotos:
    """Files that were named one by one: no captions, split "train".

    Args:
        photos: The files, each once.

    Attributes:
        folder: The deepest folder that holds all of them; keys are paths below it.
        name: The folder's name.

    Raises:
        DataError: There are none, or they have no folder in common but the root.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a.jpg", "b.jpg"):
        ...     _ = (folder / name).write_bytes(b"...")
        >>> list(NamedPhotos([folder / "b.jpg"]))
        [CaptionedPhoto(key='b.jpg', image=b'...', captions=(), split='train')]
    """

    def __init__(self, photos: Sequence[Path]) -> None:
        if not photos:
            raise DataError("no photos were named")
        self._photos = [Path(os.path.abspath(photo)) for photo in photos]  # noqa: PTH100 - links stay apart
        try:
            self.folder = Path(os.path.commonpath([photo.parent for photo in self._photos]))
        except ValueError:  # on Windows: two drives
            self.folder = Path(self._photos[0].anchor)
        self.name = self.folder.name
        if not self.name:
            apart = next(
                photo for photo in self._photos if photo.parts[:2] != self._photos[0].parts[:2] or not photo.parts[2:]
            )
            raise DataError(
                f"{path_for_message(self._photos[0])} and {path_for_message(apart)} are in no folder together; put "
                "them into one, or label them apart"
            )

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self._photos)

    def keys(self) -> Iterable[str]:
        """The keys of all photos; no photo is read."""
        return [photo.relative_to(self.folder).as_posix() for photo in self._photos]

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        """The photos, one at a time."""
        for key, photo in zip(self.keys(), self._photos, strict=True):
            yield CaptionedPhoto(key, read_file(photo), (), "train")
