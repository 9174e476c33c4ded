"""Photos by where they are: some bytes to send to another machine, which reads them there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from freeseg.errors import PhotoError, reason
from freeseg.files import bytes_sha256, path_for_message, text_bytes
from freeseg.photos.decoding import photo_errors
from freeseg.photos.reading import read_bytes, read_photo
from freeseg.photos.tables import bytes_in
from freeseg.photos.web import web_photo
from freeseg.places import opened_place
from freeseg.urls import is_url

KEY_BYTES = 16


class PhotoReference(NamedTuple):
    """Where a photo is.

    Attributes:
        photo: What the photo is called in the output: its path as it was given, or its URL. Each photo has another.
        path: The file that it is in, as an absolute path, or a URL (`s3://`, `https://`, ...).
        offset: Where in that file it begins; of a Parquet file, the row in its row group.
        size: How many bytes it has; 0 for the whole file.
        problem: Why it cannot be read, where that is known already.
        column: Of a Parquet file, the column that has the photo's bytes.
        group: Of a Parquet file, the row group.
        captions: What is known to describe the photo, where somebody asked for it.

    Example:
        >>> PhotoReference("a.tar/cat.jpg", "/photos/a.tar", offset=512, size=20_480).photo
        'a.tar/cat.jpg'
    """

    photo: str
    path: str
    offset: int = 0
    size: int = 0
    problem: str = ""
    column: str = ""
    group: int = 0
    captions: tuple[str, ...] = ()

    @classmethod
    def of_file(cls, path: Path) -> PhotoReference:
        """The photo that a file on this machine holds.

        Example:
            >>> PhotoReference.of_file(Path("photos/cat.jpg")).content()
            PosixPath('photos/cat.jpg')
        """
        return cls(str(path), str(path))

    @property
    def key(self) -> bytes:
        """What tells the photo from others, as some bytes."""
        return key_of(self.photo)

    def content(self) -> Path | bytes:
        """The photo's path where it is a file of its own on this machine, or else its bytes.

        Raises:
            PhotoError: It cannot be read.
        """
        if self.problem:
            raise PhotoError(self.problem)
        if self.column:
            name = path_for_message(self.photo)
            with photo_errors(name):
                try:
                    return bytes_in(self.path, self.column, self.group, self.offset)
                except (ValueError, LookupError) as error:
                    raise PhotoError(
                        f"cannot read {name}: {path_for_message(self.path)} is damaged, or not the file that it was "
                        f"({reason(error)}); fetch or write this Parquet file again"
                    ) from error
        if web := web_photo(self.path) if self.path.startswith(("http://", "https://")) else None:
            return web.fetch().getvalue()
        if not (self.size or is_url(self.path)):
            return Path(self.path)
        with photo_errors(path_for_message(self.photo)), opened_place(self.path) as file:
            file.seek(self.offset)
            content: bytes = file.read(self.size or None)
        return content

    def image(self) -> bytes:
        """The bytes of the photo's file.

        Raises:
            PhotoError: It cannot be read.
        """
        content = self.content()
        if isinstance(content, bytes):
            return content
        with photo_errors(path_for_message(self.photo)):
            return content.read_bytes()

    def picture(self) -> Image.Image:
        """The photo, as `freeseg.photos.read_photo` gives it.

        Raises:
            PhotoError: It cannot be read.
        """
        content = self.content()
        name = path_for_message(self.photo)
        return read_bytes(content, name) if isinstance(content, bytes) else read_photo(content)


def key_of(photo: str) -> bytes:
    """What tells a photo from others, by what it is called.

    Example:
        >>> len(key_of("cat.jpg"))
        16
    """
    return bytes.fromhex(bytes_sha256(text_bytes(photo)))[:KEY_BYTES]
