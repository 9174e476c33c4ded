"""Reading photos safely: whatever a user has becomes an upright 8-bit RGB picture, or an error of one line."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from freeseg.errors import PhotoError, one_line
from freeseg.files import path_for_message

Photo: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[Any]
MAX_PIXELS = 400_000_000  # width x height; Pillow holds 4 bytes for each, and 8 while it converts
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")  # not EPS: it runs Ghostscript
_T = Image.Transpose
_UPRIGHT: dict[object, _T] = {2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM}
_UPRIGHT |= {5: _T.TRANSPOSE, 6: _T.ROTATE_270, 7: _T.TRANSVERSE, 8: _T.ROTATE_90}  # by EXIF orientation


def read_photo(photo: Photo) -> Image.Image:
    """Read a photo as an upright, fully loaded 8-bit RGB picture that shares nothing with its source.

    The EXIF orientation is applied, transparent pixels are laid over white, 16-bit values are divided by 257 and
    rounded, and floats are multiplied by 255 and rounded.

    Args:
        photo: One of these.

            - The path of a JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF, PPM or JPEG 2000 file, which is known by its content
              and not by its suffix. Of an animation the first frame is read.
            - A PIL picture, of which the current frame is read.
            - An array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16, bool, or floats in [0, 1].

    Raises:
        PhotoError: The photo is missing, unreadable, damaged, empty, of another kind, or has more than `MAX_PIXELS`
            pixels (whatever Pillow's own limit is; a WebP file may not have twice that limit either). Nothing else
            is raised.

    Example:
        >>> read_photo(np.full((2, 3), 0.5)).getpixel((0, 0))
        (128, 128, 128)
    """
    if isinstance(photo, np.ndarray):
        return _from_array(photo)
    if isinstance(photo, Image.Image):
        name = path_for_message(getattr(photo, "filename", "")) or "the picture"
        with photo_errors(name):
            return _upright_rgb(photo, name)
    if isinstance(photo, str | os.PathLike):
        return _from_file(Path(os.fsdecode(photo)))
    raise PhotoError(f"cannot read a photo from {type(photo).__name__}; give a path, a PIL picture or a numpy array")


def read_bytes(content: bytes, name: str) -> Image.Image:
    """Read a photo from the bytes of its file, as `read_photo` does.

    Args:
        content: The whole file.
        name: What errors call the photo.

    Raises:
        PhotoError: As of `read_photo`.

    Example:
        >>> read_bytes(b"...", "holiday/a.jpg")
        Traceback (most recent call last):
        freeseg.errors.PhotoError: cannot read holiday/a.jpg: not a picture in a known format; save it as PNG or JPEG
    """
    with photo_errors(name):
        return _upright_rgb(_open_header(io.BytesIO(content), name), name)


@contextmanager
def photo_errors(name: str) -> Iterator[None]:
    """Turn every exception into a PhotoError that names the photo: Pillow raises nearly all kinds on damaged files."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        words = one_line(error) or type(error).__name__
        cause = f"damaged or not supported ({words}); save or download it again"
        if isinstance(error, OSError) and error.strerror:  # from the system, not from Pillow
            cause = f"{error.strerror.lower()}; check the path and your right to read it"
        elif isinstance(error, MemoryError | Image.DecompressionBombError):
            cause = f"too large ({words}); shrink or tile it"
        raise PhotoError(f"cannot read {name}: {cause}") from error


def _from_file(path: Path) -> Image.Image:
    name = path_for_message(path)
    with photo_errors(name):
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise PhotoError(f"cannot read {name}: it is a folder; name a photo inside it")
        if not stat.S_ISREG(info.st_mode):  # opening a pipe would wait for ever
            raise PhotoError(f"cannot read {name}: not a regular file; save it to one first")
        if info.st_size == 0:
            raise PhotoError(f"cannot read {name}: the file is empty (0 bytes); copy or download it again")
        with path.open("rb") as file:
            return _upright_rgb(_open_header(file, name), name)


def _open_header(file: BinaryIO, name: str) -> Image.Image:
    """Read a picture's header as `Image.open` does, but without its check of the size.

    That check prints a warning, and its limit is one setting for the whole process.
    """
    Image.init()
    start = file.read(16)
    for known in _FORMATS:
        factory, accept = Image.OPEN.get(known, (None, None))
        if (
            factory and accept and len(start) > 1 and accept(start) is True
        ):  # a str says that this Pillow was built without the format
            file.seek(0)
            return factory(file, "")
    raise PhotoError(f"cannot read {name}: not a picture in a known format; save it as PNG or JPEG")


def _upright_rgb(image: Image.Image, name: str) -> Image.Image:
    _check_size(image.size, name)
    if image.format == "TIFF" and getattr(image, "_im", image) is None:
        # Pillow's TIFF reader checks the size again unless its canvas exists. `_tile_size` is the size before turning.
        image.im = Image.new(image.mode, getattr(image, "_tile_size", image.size)).im
    image.load()
    rgb = _to_rgb(image, name)
    orientation = None
    with suppress(Exception):  # damaged EXIF raises nearly all kinds; viewers show such a photo as it is stored
        orientation = image.getexif().get(ExifTags.Base.Orientation)  # after load: a PNG may hold it last
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    rgb.info.clear()  # or reading the result again would turn it by its EXIF again
    return rgb


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        values: NDArray[Any] = np.asarray(image)
        if image.mode == "I" and values.min() >= 0 and values.max() <= 65535:
            values = values.astype(np.uint16)  # 16-bit data in a 32-bit picture
        grey = _eight_bits(values, name)
        if isinstance(key := image.info.get("transparency"), int):  # in a PNG, one 16-bit grey can be transparent
            grey = np.where(values == key, np.uint8(255), grey)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image.convert("RGB")


def _from_array(array: NDArray[Any], name: str = "the array") -> Image.Image:
    if array.ndim < 2 or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise PhotoError(f"cannot read {name}: shape {array.shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    _check_size((array.shape[1], array.shape[0]), name)
    with photo_errors(name):
        pixels = np.ascontiguousarray(_eight_bits(array, name))
        return _to_rgb(Image.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels), name)


def _eight_bits(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # in either byte order
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    ends: tuple[Any, Any] = (values.min(), values.max()) if values.dtype.kind in "iuf" else ("?", "?")
    if (
        values.dtype.kind == "f" and ends[0] >= -1e-4 and ends[1] <= 1 + 1e-4
    ):  # rounding may leave the range a little; False for NaN
        return np.asarray(np.rint(np.clip(values, 0, 1) * 255), dtype=np.uint8)
    got = f"{values.dtype} values from {ends[0]} to {ends[1]}"
    raise PhotoError(f"cannot read {name}: {got}; give uint8, uint16, bool, or floats in [0, 1] without NaN")


def _check_size(size: tuple[int, int], name: str) -> None:
    if min(size) < 1 or size[0] * size[1] > MAX_PIXELS:
        raise PhotoError(
            f"cannot read {name}: {size[0]}x{size[1]} pixels; use one of 1 to {MAX_PIXELS:,} pixels in all"
        )
