"""How large a photo may be: counted from what its header says, before any pixel is decoded or any memory taken."""

from __future__ import annotations

import math
import os

from freeseg.errors import PhotoError, one_line

# Reading a photo holds it twice at most, 4 bytes a pixel each, or once beside the coefficients of a progressive JPEG,
# 6 bytes a pixel: 1.2 GB at this limit. The largest cameras of phones have 108 megapixels.
DEFAULT_MEGAPIXELS = 120
LARGE_MEGAPIXELS = 30  # what is larger is worked on alone, and its overlay is drawn of a reduced photo
VARIABLE = "FREESEG_MAX_MEGAPIXELS"
_BYTES_EACH = 12  # of memory for a pixel, as errors tell it
_MILLION = 1_000_000
# As a share of the limit, where less is read: decoders of WebP and JPEG 2000 hold a photo four times or more, 20 bytes
# a pixel, and that of TIFF has the file in memory as well.
SHARES = {"WEBP": 0.5, "JPEG2000": 0.4, "TIFF": 0.9}


def max_megapixels() -> float:
    """How many millions of pixels a photo may have: the variable `FREESEG_MAX_MEGAPIXELS`, or else the default.

    Raises:
        PhotoError: The variable holds something else than a number above 0.

    Example:
        >>> max_megapixels()
        120.0
    """
    asked = os.environ.get(VARIABLE, "").strip() or str(DEFAULT_MEGAPIXELS)
    try:
        most = float(asked)
    except ValueError:
        most = 0.0
    if not 0 < most < float("inf"):
        raise PhotoError(f"the variable {VARIABLE} is {one_line(asked)[:40]!r}; give a number above 0, such as 200")
    return most


def is_large(size: tuple[int, int]) -> bool:
    """Whether a photo has more than `LARGE_MEGAPIXELS`.

    Example:
        >>> is_large((4_000, 3_000)), is_large((12_000, 9_000))
        (False, True)
    """
    return size[0] * size[1] > LARGE_MEGAPIXELS * _MILLION


def check_size(size: tuple[int, int], name: str, format: str | None = None) -> None:
    """Raise a PhotoError for a picture of more pixels than `max_megapixels` allows, or of none.

    Args:
        size: (width, height).
        name: What errors call the photo.
        format: Pillow's name of the file's format; of those in `SHARES`, fewer pixels are read.

    Example:
        >>> check_size((19_000, 19_000), "a.gif")
        Traceback (most recent call last):
        freeseg.errors.PhotoError: cannot read a.gif: 19000x19000 pixels are 361 megapixels, of which at most 120 are \
read; shrink or tile it, or set FREESEG_MAX_MEGAPIXELS=361, which needs about 4.3 GB of memory
    """
    pixels = size[0] * size[1]
    if min(size) < 1:
        raise PhotoError(f"cannot read {name}: {size[0]}x{size[1]} pixels; give one that has pixels")
    share = SHARES.get(format or "", 1.0)
    most = max_megapixels() * _MILLION * share  # pixels
    if pixels > most:
        needed = math.ceil(pixels / _MILLION / share)
        of_format = f" of {format}" if share < 1 else ""
        raise PhotoError(
            f"cannot read {name}: {size[0]}x{size[1]} pixels are {pixels / _MILLION:.4g} megapixels, of which at most "
            f"{most / _MILLION:g} are read{of_format}; shrink or tile it, or set {VARIABLE}={needed}, which needs "
            f"about {pixels * _BYTES_EACH / share / 1e9:.1f} GB of memory"
        )
