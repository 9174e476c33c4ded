"""A folder of photos without captions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from freeseg.data.captions.records import describe_content, read_file
from freeseg.data.captions.source import CaptionedPhoto
from freeseg.errors import DataError
from freeseg.files import is_folder
from freeseg.photos import Skipped, photos_in, suffixes


class PhotoFolder:
    """The photos in a folder and below it, of the suffixes of `freeseg.photos.suffixes()`: no captions, split "train".

    Args:
        folder: The folder.
        without: A folder inside it that is left out.

    Attributes:
        name: The folder's name.
        skipped: What in the folder is not read, and why.

    Raises:
        DataError: There is no photo in it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "b.jpg").write_bytes(b"...")
        >>> list(PhotoFolder(folder))
        [CaptionedPhoto(key='b.jpg', image=b'...', captions=(), split='train')]
    """

    def __init__(self, folder: str | Path, *, without: Path | None = None) -> None:
        self.name = Path(folder).resolve().name
        self.skipped = Skipped()
        self._photos = photos_in(Path(folder), without=without, skipped=self.skipped) if is_folder(folder) else []
        if not self._photos:
            raise DataError(
                f"{folder}: no photo ({' '.join(sorted(suffixes()))}) in it; {describe_content(Path(folder))}"
            )

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self._photos)

    def keys(self) -> Iterable[str]:
        """The keys of all photos; no photo is read."""
        return [photo.name.as_posix() for photo in self._photos]

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        """The photos, one at a time."""
        for photo in self._photos:
            yield CaptionedPhoto(photo.name.as_posix(), read_file(photo.path), (), "train")
