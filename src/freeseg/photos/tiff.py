"""What only TIFF has: pages that are previews, greys in which zero is white, signed values, and separate planes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.errors import PhotoError

# Tags, by the names of the TIFF 6.0 specification.
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC = 254, 255, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES_PER_PIXEL, _STRIP_BYTE_COUNTS, _MAX_SAMPLE_VALUE, _PLANAR = 273, 277, 279, 281, 284
_SUB_IFDS, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _S_MAX_SAMPLE_VALUE = 330, 338, 339, 341
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2  # bits of the new subfile type, and a value of the old one
_UNSIGNED, _SIGNED = 1, 2
_CLEARLY_LARGER = 1.5
_MAX_PAGES = 100  # that are looked at to find the first that is no preview


def open_full_page(image: Image.Image, name: str) -> None:
    """Go to the first page of a TIFF file that is neither a reduced preview nor a mask of another page.

    A first page that is not marked as a preview is one if a later page has its shape and is clearly larger; the largest
    of these is taken.

    Raises:
        PhotoError: The file has a preview only, and keeps its picture where Pillow does not read it, as raw files do.
    """
    if not is_no_picture(image):
        image.seek(_largest_of_the_shape(image))
        return
    has_more_inside = _SUB_IFDS in _tags(image)
    for page in range(1, min(getattr(image, "n_frames", 1), _MAX_PAGES)):
        image.seek(page)
        if not is_no_picture(image):
            return
    if has_more_inside:
        raise PhotoError(f"cannot read {name}: only its preview can be read, as of raw files; save it as PNG or JPEG")
    image.seek(0)


def _largest_of_the_shape(image: Image.Image) -> int:
    """The largest page that shows the first one at `_CLEARLY_LARGER` times its size or more; 0 where there is none."""
    (width, height), chosen, most = image.size, 0, _CLEARLY_LARGER
    with suppress(Exception):  # a damaged page is no larger one, and those after it cannot be found
        for page in range(1, min(getattr(image, "n_frames", 1), _MAX_PAGES)):
            image.seek(page)
            wide, high = image.size
            is_of_the_shape = abs(width * high - height * wide) <= max(wide, high)  # but for a pixel of the smaller one
            times = min(wide / width, high / height)
            if is_of_the_shape and times >= most and not is_no_picture(image):
                chosen, most = page, times
    return chosen


def grey_values(image: Image.Image) -> tuple[NDArray[Any], int, bool]:
    """The values of a loaded grey TIFF picture, with what its tags say of them.

    Returns:
        The values (height, width), of the type that they have in the file; the value that is white, 0 where the tags
        do not tell; and whether zero is white instead.
    """
    tags, values = _tags(image), np.asarray(image)
    bits, is_unsigned = _first(tags, _BITS_PER_SAMPLE, 1), _first(tags, _SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED
    if image.mode == "L" and not is_unsigned:
        values = values.view(np.int8)
    elif image.mode == "I" and bits == 16:
        values = values.astype(np.uint16 if is_unsigned else np.int16)
    elif image.mode == "I" and is_unsigned:
        values = values.view(np.uint32)
    stated = _first(tags, _S_MAX_SAMPLE_VALUE, 0) or _first(tags, _MAX_SAMPLE_VALUE, 0)
    white = 0
    if 8 < bits < 16:
        white = 2**bits - 1
    elif stated in {2**depth - 1 for depth in range(8, 16)} and values.max() <= stated:
        white = int(stated)
    # Of 8 bits and less, Pillow has turned zero to black already.
    return values, white, bits > 8 and _first(tags, _PHOTOMETRIC, 1) == 0


def is_signed_bytes(image: Image.Image) -> bool:
    """Whether the 8-bit values of a TIFF picture are signed: Pillow takes them as if they were not."""
    return image.mode == "L" and _first(_tags(image), _SAMPLE_FORMAT, _UNSIGNED) == _SIGNED


def separate_planes(image: Image.Image, name: str) -> NDArray[np.uint16] | None:
    """The values (height, width, 3 or 4) of a TIFF file that holds its 16-bit colours one after the other.

    Pillow reads those as noise, unless they are compressed.

    Returns:
        None for every other picture.

    Raises:
        PhotoError: The planes are in tiles, of other colours than RGB, or cannot be read any more.
    """
    tags = _tags(image)
    samples = _first(tags, _SAMPLES_PER_PIXEL, 1)
    if _first(tags, _PLANAR, 1) != 2 or _first(tags, _BITS_PER_SAMPLE, 1) != 16 or samples < 2:
        return None
    if _first(tags, _COMPRESSION, 1) != 1:
        return None
    file = getattr(image, "fp", None)
    if _STRIP_OFFSETS not in tags or samples not in (3, 4) or _first(tags, _PHOTOMETRIC, 2) != 2 or file is None:
        raise PhotoError(f"cannot read {name}: 16-bit colours in separate planes; save it as PNG")
    strips = []
    for start, count in zip(_all(tags, _STRIP_OFFSETS), _all(tags, _STRIP_BYTE_COUNTS), strict=True):
        file.seek(start)
        strips.append(file.read(count))
    width, height = getattr(image, "_tile_size", image.size)  # before it is turned upright
    planes = np.frombuffer(b"".join(strips), "<u2" if tags.prefix == b"II" else ">u2").reshape(samples, height, width)
    has_alpha = samples == 4 and _first(tags, _EXTRA_SAMPLES, 0) in (1, 2)
    return np.moveaxis(planes[: 4 if has_alpha else 3], 0, -1).astype(np.uint16)


def use_native_order(image: Image.Image) -> None:
    """Have Pillow read compressed values of a TIFF file that is not loaded yet in the order in which it gets them.

    Pillow takes those of a big-endian file for big-endian ones, but libtiff has turned them round already.
    """
    turned = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}
    tiles: list[Any] = getattr(image, "tile", [])
    if tiles and tiles[0][0] == "libtiff" and (order := turned.get(tiles[0][3][0])):
        image.tile = [tile._replace(args=(order, *tile[3][1:])) for tile in tiles]  # type: ignore[attr-defined]


def is_no_picture(image: Image.Image) -> bool:
    """Whether the current page of a TIFF file is a reduced preview, or a mask of another page."""
    tags = _tags(image)
    kind = int(_first(tags, _NEW_SUBFILE_TYPE, 0))
    return bool(kind & (_REDUCED | _MASK)) or _first(tags, _SUBFILE_TYPE, 0) == _OLD_REDUCED


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})


def _all(tags: Any, tag: int) -> tuple[Any, ...]:
    value = tags.get(tag, ())
    return value if isinstance(value, tuple) else (value,)


def _first(tags: Any, tag: int, default: int) -> Any:
    """The value of a tag, or its first one, as most are the same for all samples of a pixel."""
    return next(iter(_all(tags, tag)), default)
