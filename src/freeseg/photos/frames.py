"""Files of several pictures: the pages of a TIFF file, and the frames of an animated GIF, WebP, PNG or AVIF file."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from PIL import Image

from freeseg.errors import PhotoError
from freeseg.files import path_for_message
from freeseg.photos.decoding import photo_errors, upright_rgb
from freeseg.photos.finding import FoundPhoto
from freeseg.photos.frame import Frame, frame_name
from freeseg.photos.limits import check_size
from freeseg.photos.reading import opened
from freeseg.photos.tiff import is_no_picture

_FORMATS = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")


def frames_of(photo: FoundPhoto) -> list[FoundPhoto]:
    """The frames or pages of a photo's file, each a photo of its own, with the number that it has in the file.

    Pages that are previews or masks of others are left out, and so is the picture of an animated PNG that only programs
    without animations show.

    Returns:
        Nothing where the file holds one picture, or cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import PurePosixPath
        >>> path = Path(tempfile.mkdtemp()) / "clip.gif"
        >>> black, white = Image.new("L", (4, 3)), Image.new("L", (4, 3), 255)
        >>> black.save(path, save_all=True, append_images=[white])
        >>> [str(frame.name) for frame in frames_of(FoundPhoto(path, PurePosixPath("clip.gif")))]
        ['clip-0001.gif', 'clip-0002.gif']
    """
    if photo.picture is not None:
        return []
    try:
        with opened(photo.path) as (image, _):
            numbers = _numbers(image)
    except PhotoError:  # whoever reads it will say so
        return []
    if len(numbers) < 2:
        return []
    file = _PictureFile(photo.path, last=numbers[-1])
    return [file.frame(photo, number) for number in numbers]


class _PictureFile:
    """A file that is opened for its first frame, and closed after its last one: each frame builds on those before it.

    Args:
        path: The file.
        last: The number of the last frame that will be read.
    """

    def __init__(self, path: Path, *, last: int):
        self._path, self._last = path, last
        self._open = ExitStack()
        self._image: Image.Image | None = None

    def frame(self, photo: FoundPhoto, number: int) -> FoundPhoto:
        """A frame of the file as a photo."""
        name = photo.name.with_name(frame_name(photo.name.name, number))
        return photo._replace(name=name, picture=Frame(self._path, number, partial(self._read, number)))

    def _read(self, number: int) -> Image.Image:
        name = f"frame {number} of {path_for_message(self._path)}"
        try:
            with photo_errors(name):
                if self._image is None or number <= self._image.tell():  # Pillow cannot rewind every animated PNG
                    self._close()
                    self._image, _ = self._open.enter_context(opened(self._path))
                self._image.seek(number - 1)
                check_size(self._image.size, name, self._image.format)
                return upright_rgb(self._image, name)
        finally:
            if number == self._last:
                self._close()

    def _close(self) -> None:
        self._image = None
        self._open.close()


def _numbers(image: Image.Image) -> list[int]:
    """The numbers of the frames of an open file, from 1."""
    count = int(getattr(image, "n_frames", 1)) if image.format in _FORMATS else 1
    numbers = list(range(1, count + 1))
    if count > 1 and image.format == "TIFF":
        return [number for number in numbers if not _is_no_picture(image, number)]
    return numbers[1:] if getattr(image, "default_image", False) else numbers


def _is_no_picture(image: Image.Image, number: int) -> bool:
    image.seek(number - 1)
    return is_no_picture(image)
