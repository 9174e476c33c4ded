"""Large photos: JPEGs are decoded at a reduced scale for what a model sees, and in full only where somebody looks."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from PIL import Image, JpegImagePlugin

from freeseg.errors import PhotoError
from freeseg.photos.decoding import open_header, photo_errors, turn_upright, upright_rgb
from freeseg.photos.limits import check_size
from freeseg.photos.resizing import resize
from freeseg.system import give_back_memory

Size: TypeAlias = tuple[int, int]
Opened: TypeAlias = Callable[[], AbstractContextManager[tuple[Image.Image, str]]]
LEAST_SCALE = 2.0  # the decoded picture has at least this many times the width and height that are asked for
_SIDEWAYS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_270,
}


class LatePhoto(Image.Image):
    """An RGB picture whose size is known, and which is decoded when somebody first needs its pixels.

    From then on it is a plain picture. It may be used from several threads.

    Args:
        size: (width, height).
        decode: Gives the picture, in RGB and of that size. What it raises comes out of what asked for the pixels.
        decode_reduced: Gives the picture with its sides divided by at most a number; None where it can only be whole.
    """

    def __init__(
        self,
        size: Size,
        decode: Callable[[], Image.Image],
        decode_reduced: Callable[[int], Image.Image] | None = None,
    ):
        super().__init__()
        self._mode, self._size = "RGB", size
        self._decode: Callable[[], Image.Image] | None = decode
        self._decode_reduced = decode_reduced
        self._lock = threading.Lock()

    def decoded_reduced(self, factor: int) -> Image.Image:
        """The picture with its sides divided by at most `factor`, decoded no further than that where it is not yet."""
        is_late = self.__class__ is LatePhoto
        return self._decode_reduced(factor) if is_late and self._decode_reduced is not None else self

    def load(self) -> Any:
        """See `Image.load`: every method of a picture that needs pixels calls it first."""
        with self._lock:
            if self._decode is not None:
                self.im = self._decode().im
                self._decode = self._decode_reduced = None
                self.__class__ = Image.Image  # type: ignore[assignment]
        return Image.Image.load(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.copy().__reduce_ex__(protocol)


def read_large(
    image: Image.Image, name: str, fit: Callable[[Size], Size], resample: Image.Resampling
) -> tuple[Image.Image, Image.Image] | None:
    """A JPEG that is much larger than what is asked for: the picture, decoded late, and its reduced version.

    The late picture keeps the bytes of the file, so that it does not depend on the file any more.

    Args:
        image: An opened file of which the header alone was read.
        name: What errors call the photo.
        fit: The size that is asked for, (width, height), of a photo of some size, both upright.
        resample: How the reduced version is resized.

    Returns:
        Both upright, in RGB; None where the photo is of another kind, or not so large.

    Raises:
        PhotoError: The photo is damaged, or too large. What the whole decoding would find, the reduced one finds too:
            it reads the file as far, and leaves out the last step from frequencies to pixels only.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or image.mode not in ("RGB", "L"):
        return None
    check_size(image.size, name)
    turn, stored = turn_upright(image), image.size
    size = stored[::-1] if turn in _SIDEWAYS else stored
    wanted = fit(size)
    at_most = wanted[::-1] if turn in _SIDEWAYS else wanted
    drafted = image.draft(None, (round(LEAST_SCALE * at_most[0]), round(LEAST_SCALE * at_most[1])))
    if drafted is None or image.size == stored:
        return None
    content = _content(image)
    small = resize(image.convert("RGB"), at_most, resample=resample, box=drafted[1])

    def decode(factor: int = 1) -> Image.Image:
        with photo_errors(name):
            whole = open_header(io.BytesIO(content), name)
            if factor > 1:
                whole.draft(None, (stored[0] // factor, stored[1] // factor))
            return upright_rgb(whole, name, is_own=True)

    return LatePhoto(size, decode, decode), small if turn is None else small.transpose(turn)


def decoded_again(size: Size, opened: Opened) -> LatePhoto:
    """A large photo of any kind, which was decoded once for what a model sees of it, and is when it is needed again.

    Args:
        size: (width, height), upright.
        opened: Opens the photo: its file of which the header was read, and what errors call it.
    """

    def decode(factor: int = 1) -> Image.Image:
        with opened() as (image, name):
            photo = upright_rgb(image, name, is_own=True, factor=factor)
        if photo.size != (-(-size[0] // factor), -(-size[1] // factor)):
            raise PhotoError(f"{name} was changed while it was used; segment it again")
        del image
        give_back_memory()  # or the whole picture would count on beside what is made next
        return photo

    return LatePhoto(size, decode, decode)


def reduced(photo: Image.Image, factor: int) -> Image.Image:
    """A photo with each side divided by a whole number, rounded up, in little memory beside the photo's own.

    Of a JPEG that is not decoded yet, no more is decoded than that takes.

    Example:
        >>> reduced(Image.new("RGB", (5, 4)), 2).size
        (3, 2)
    """
    if factor == 1:
        return photo
    size = -(-photo.width // factor), -(-photo.height // factor)
    source = photo.decoded_reduced(factor) if isinstance(photo, LatePhoto) else photo
    if source.size == size:
        return source
    return source.reduce(factor) if source.size == photo.size else source.resize(size, Image.Resampling.BOX)


def _content(image: Image.Image) -> bytes:
    """The whole file of a picture that is not loaded yet."""
    file: Any = getattr(image, "fp", None)
    file.seek(0)
    content: bytes = file.read()
    return content
