"""Files of several pictures: pages of a TIFF file, frames of a GIF, WebP, PNG or AVIF file, and frames of a video."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image

from freeseg.errors import FreeSegError, PhotoError, shortened
from freeseg.files import path_for_message
from freeseg.photos.decoding import open_header, photo_errors, upright_rgb
from freeseg.photos.finding import FoundPhoto
from freeseg.photos.frame import Frame, FrameFile, frame_name
from freeseg.photos.limits import check_size
from freeseg.photos.reading import opened, read_photo
from freeseg.photos.tiff import is_no_picture
from freeseg.photos.video import is_video, video_frames
from freeseg.photos.web import WebPhoto

_FORMATS = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")


def frames_of(photo: FoundPhoto, *, every: int = 1) -> list[FoundPhoto]:
    """The frames or pages of a photo's file, each a photo of its own, with the number that it has in the file.

    Pages that are previews or masks of others are left out, and so is the picture of an animated PNG that only programs
    without animations show. A photo on the web is fetched, and again when its first frame is read, so that many of them
    take no memory meanwhile. A video that cannot be read has one frame, which raises the error.

    Args:
        photo: The photo.
        every: 2 takes the first frame, the third and so on.

    Returns:
        Nothing where the file holds one picture, or cannot be read.

    Raises:
        FreeSegError: It is a video, and PyAV is not installed.

    Example:
        >>> import tempfile
        >>> from pathlib import PurePosixPath
        >>> path = Path(tempfile.mkdtemp()) / "clip.gif"
        >>> black, white = Image.new("L", (4, 3)), Image.new("L", (4, 3), 255)
        >>> black.save(path, save_all=True, append_images=[white])
        >>> [str(frame.name) for frame in frames_of(FoundPhoto(path, PurePosixPath("clip.gif")))]
        ['clip-0001.gif', 'clip-0002.gif']
    """
    web = photo.picture if isinstance(photo.picture, WebPhoto) else None
    if photo.picture is not None and web is None:
        return []
    if is_video(photo.path) and web is None:
        frames = video_frames(photo.path, every)
    else:
        frames = _picture_frames(photo.path, every, web)
    names = (photo.name.with_name(frame_name(photo.name.name, frame.number)) for frame in frames)
    return [photo._replace(name=name, picture=frame) for name, frame in zip(names, frames, strict=True)]


def frames(path: str | os.PathLike[str], *, every: int = 1) -> list[Frame]:
    """The frames of a video or an animation, or the pages of a TIFF file: photos, which `FreeSeg.stream` takes.

    They are decoded one after the other, when they are read. Of a video, frames are counted here, which reads the file.

    Args:
        path: The file.
        every: 2 takes the first frame, the third and so on.

    Returns:
        The frames, numbered from 1; of a file with one picture, this one with the number 0. A file that cannot be read
        gives one frame, which raises the error.

    Raises:
        FreeSegError: It is a video, and PyAV is not installed; or `every` is below 1.

    Example:
        >>> import tempfile
        >>> clip = Path(tempfile.mkdtemp()) / "clip.gif"
        >>> black, white = Image.new("L", (4, 3)), Image.new("L", (4, 3), 255)
        >>> black.save(clip, save_all=True, append_images=[white])
        >>> [frame.number for frame in frames(clip)]
        [1, 2]
    """
    if every < 1:
        raise FreeSegError(f"every is {shortened(every)}; it must be at least 1, which takes each frame")
    file = Path(path)
    found = frames_of(FoundPhoto(file, PurePosixPath(file.name)), every=every)
    several = [photo.picture for photo in found if isinstance(photo.picture, Frame)]
    return several or [Frame(file, 0, partial(read_photo, file))]


def _picture_frames(path: Path, every: int, web: WebPhoto | None) -> list[Frame]:
    try:
        with _opened(path, web) as image:
            numbers = _numbers(image)
    except PhotoError:  # whoever reads it will say so
        return []
    return _PictureFile(path, numbers[::every], web).frames() if len(numbers) > 1 else []


@contextmanager
def _opened(path: Path, web: WebPhoto | None) -> Iterator[Image.Image]:
    """A file on disk or on the web, of which the header was read."""
    if web is None:
        with opened(path) as (image, _):
            yield image
        return
    name = path_for_message(web.url)
    with photo_errors(name):
        yield open_header(web.fetch(), name)


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


class _PictureFile(FrameFile):
    _image: Image.Image | None = None
    _open = ExitStack()

    def __init__(self, path: Path, numbers: Sequence[int], web: WebPhoto | None):
        super().__init__(path, numbers, url=web.url if web else "")
        self._web = web

    def picture(self, number: int, name: str) -> Image.Image:
        with photo_errors(name):
            if self._image is None or number <= self._image.tell():  # Pillow cannot rewind every animated PNG
                self.close()
                self._open = ExitStack()
                self._image = self._open.enter_context(_opened(self.path, self._web))
            self._image.seek(number - 1)
            check_size(self._image.size, name, self._image.format)
            return upright_rgb(self._image, name)

    def close(self) -> None:
        self._image = None
        self._open.close()
