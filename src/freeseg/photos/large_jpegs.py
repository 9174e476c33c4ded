"""Large JPEGs: decoded at a reduced scale for what a model sees of them, and in full only where somebody looks."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from PIL import Image, JpegImagePlugin

from freeseg.photos.decoding import open_header, photo_errors, turn_upright, upright_rgb
from freeseg.photos.limits import check_size
from freeseg.photos.resizing import resize

Size: TypeAlias = tuple[int, int]
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
    """

    def __init__(self, size: Size, decode: Callable[[], Image.Image]):
        super().__init__()
        self._mode, self._size = "RGB", size
        self._decode: Callable[[], Image.Image] | None = decode
        self._lock = threading.Lock()

    def load(self) -> Any:
        """See `Image.load`: every method of a picture that needs pixels calls it first."""
        with self._lock:
            if self._decode is not None:
                self.im = self._decode().im
                self._decode = None
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

    def decode() -> Image.Image:
        with photo_errors(name):
            return upright_rgb(open_header(io.BytesIO(content), name), name, is_own=True)

    return LatePhoto(size, decode), small if turn is None else small.transpose(turn)


def _content(image: Image.Image) -> bytes:
    """The whole file of a picture that is not loaded yet."""
    file: Any = getattr(image, "fp", None)
    file.seek(0)
    content: bytes = file.read()
    return content
