"""Decoding photos: pixels of any mode, type and orientation as upright 8-bit RGB, or an error of one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from freeseg.errors import PhotoError, one_line
from freeseg.photos.heic import brands, is_heic, open_heic
from freeseg.photos.limits import check_size
from freeseg.photos.scientific_tiff import open_scientific
from freeseg.photos.tiff import grey_values, is_signed_bytes, open_full_page, separate_planes, use_native_order
from freeseg.photos.values import eight_bits, grey_eight_bits

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")  # not EPS: it runs Ghostscript
_SCALED_MODES = ("I", "F")  # what is black and white in them follows from all pixels
_PIXELS_AT_ONCE = 4_000_000  # of a picture with transparent ones
_HEAD_BYTES = 128  # of a file: enough to know its kind
_UNSUPPORTED_MARKS = {
    b"II*\0\x10\0\0\0CR": "a Canon raw file (CR2)",
    b"IIRO": "an Olympus raw file (ORF)",
    b"IIU\0": "a Panasonic raw file (RW2)",
    b"FUJIFILM": "a Fujifilm raw file (RAF)",
    b"8BPS": "a Photoshop file (PSD)",
    b"%PDF": "a PDF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"v/1\x01": "OpenEXR",
}
_T = Image.Transpose
_UPRIGHT: dict[object, _T] = {2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM}
_UPRIGHT |= {5: _T.TRANSPOSE, 6: _T.ROTATE_270, 7: _T.TRANSVERSE, 8: _T.ROTATE_90}  # by EXIF orientation


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


def open_header(file: BinaryIO, name: str) -> Image.Image:
    """Read a picture's header as `Image.open` does, but without its check of the size.

    That check prints a warning, and its limit is one setting for the whole process.
    """
    start = file.read(_HEAD_BYTES)
    if is_heic(start):
        return open_heic(file, name)
    if kind := _unsupported_kind(start):
        raise PhotoError(f"cannot read {name}: it is {kind}, whatever its name says; save it as PNG or JPEG")
    known = _known_kind(start)
    if not known:
        raise PhotoError(f"cannot read {name}: not a picture in a known format; save it as PNG or JPEG")
    file.seek(0)
    try:
        picture = Image.OPEN[known][0](file, "")
    except SyntaxError:  # so Pillow says that it does not know a kind of values
        if known != "TIFF":
            raise
        return open_scientific(file, name)
    if known == "TIFF":
        open_full_page(picture, name)
    return picture


def begins_like_photo(content: bytes) -> bool:
    """Whether bytes begin as a picture's file does, also of a kind that is not read.

    Example:
        >>> begins_like_photo(b"GIF89a..."), begins_like_photo(b"holiday/a.gif")
        (True, False)
    """
    start = content[:_HEAD_BYTES]
    return is_heic(start) or bool(_known_kind(start) or _unsupported_kind(start))


def _known_kind(start: bytes) -> str:
    """What Pillow calls the kind of a file that is read, by its first bytes; "" for any other file."""
    Image.init()
    for known in _FORMATS:
        factory, accept = Image.OPEN.get(known, (None, None))
        # What `accept` gives is a str where this Pillow was built without the format.
        if factory and accept and len(start) > 1 and accept(start[:16]) is True:
            return known
    return ""


def _unsupported_kind(start: bytes) -> str:
    """The kind of a file that is a picture but cannot be read, by its first bytes; "" for any other file."""
    if b"crx " in brands(start):
        return "a Canon raw file (CR3)"
    return next((kind for mark, kind in _UNSUPPORTED_MARKS.items() if start.startswith(mark)), "")


def upright_rgb(image: Image.Image, name: str, *, is_own: bool = False, factor: int = 1) -> Image.Image:
    """The current frame of a picture, upright and in RGB; it shares nothing with the picture.

    Args:
        image: The picture.
        name: What errors call the photo.
        is_own: Whether nobody else has the picture, so that its pixels need not be copied.
        factor: What the sides are divided by, rounded up.

    Raises:
        PhotoError: The picture has more pixels than `max_megapixels` allows, or none.
    """
    check_size(image.size, name, image.format if is_own else None)
    if image.format == "TIFF" and getattr(image, "_im", image) is None:
        # Pillow's TIFF reader checks the size again unless its canvas exists. `_tile_size` is the size before turning.
        image.im = Image.new(image.mode, getattr(image, "_tile_size", image.size)).im
    stored = image
    if image.format == "TIFF" and (planes := separate_planes(image, name)) is not None:
        rgb = _to_rgb(Image.fromarray(eight_bits(planes, name)), name)
    else:
        if image.format == "TIFF":
            use_native_order(image)
        image.load()
        if factor > 1 and image.format != "TIFF" and image.mode not in _SCALED_MODES:
            rgb, factor = _reduced_rgb(image, name, factor), 1
        else:
            is_rgb = is_own and image.mode == "RGB" and not image.has_transparency_data
            rgb = image._new(image.im) if is_rgb else _to_rgb(image, name)
    rgb = rgb.reduce(factor) if factor > 1 else rgb
    turn = turn_upright(stored)  # after load: a PNG may hold it last
    if turn is not None:
        rgb = rgb.transpose(turn)
    rgb.info.clear()  # or reading the result again would turn it by its EXIF again
    return rgb


def turn_upright(image: Image.Image) -> Image.Transpose | None:
    """How a picture has to be turned to be upright, as its EXIF data says; None where it is."""
    with suppress(Exception):  # damaged EXIF raises nearly all kinds; viewers show such a photo as it is stored
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation))
    return None


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    """A loaded picture in RGB, with its transparent pixels over white."""
    is_tiff = image.format == "TIFF"
    if image.mode == "F" or image.mode.startswith("I") or (is_tiff and is_signed_bytes(image)):
        values: NDArray[Any] = np.asarray(image)
        most, white_is_zero = 0, False
        if is_tiff:
            values, most, white_is_zero = grey_values(image)
        elif image.mode == "I" and image.format in ("PNG", "PPM"):  # whose values are of 16 bits then
            most = 65_535
        grey = grey_eight_bits(values, name, white=most, white_is_zero=white_is_zero)
        if isinstance(key := image.info.get("transparency"), int):  # in a PNG, one 16-bit grey can be transparent
            grey = np.where(values == key, np.uint8(255), grey)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        return _over_white(image)
    return image.convert("RGB")


def _reduced_rgb(image: Image.Image, name: str, factor: int) -> Image.Image:
    """A loaded picture in RGB, its sides divided by a number, some rows at a time: RGB would be as large once more."""
    width, height = image.size
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    rows = factor * max(1, _PIXELS_AT_ONCE // (width * factor))
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        small.paste(_to_rgb(band, name).reduce(factor), (0, top // factor))
    return small


def _over_white(image: Image.Image) -> Image.Image:
    """A picture with its transparent pixels over white, some rows at a time: RGBA would be a third copy."""
    width, height = image.size
    white = Image.new("RGB", image.size, "white")
    rows = max(1, _PIXELS_AT_ONCE // width)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        rgba = image.crop(box).convert("RGBA")
        white.paste(rgba, box, mask=rgba)
    return white


def array_to_rgb(array: NDArray[Any], name: str) -> Image.Image:
    """An RGB picture of an array.

    Raises:
        PhotoError: The array's shape, type or values are not those of a photo.
    """
    if array.ndim == 3 and array.shape[0] in (1, 3) and min(array.shape[1:]) > 4:  # channels first, unmistakably
        array = np.moveaxis(array, 0, -1)
    if array.ndim < 2 or array.shape[2:] not in ((), (1,), (3,), (4,)):
        fix = ""
        if array.ndim == 3 and array.shape[0] in (1, 3, 4):
            fix = "; if the channels are first, give np.moveaxis(array, 0, -1)"
        elif array.ndim == 4:
            fix = "; give the photos of a batch one by one"
        raise PhotoError(
            f"cannot read {name}: shape {array.shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4){fix}"
        )
    check_size((array.shape[1], array.shape[0]), name)
    with photo_errors(name):
        pixels = np.ascontiguousarray(eight_bits(array, name))
        return _to_rgb(Image.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels), name)
