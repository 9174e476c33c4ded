"""How large a photo may be: counted from what its header says, before any pixel is decoded or any memory taken."""

from __future__ import annotations

import os

from freeseg.errors import PhotoError, one_line

# Reading a photo holds it twice at most, 4 bytes a pixel each, or once beside the coefficients of a progressive JPEG,
# 6 bytes a pixel: 1.2 GB at this limit. The largest cameras of phones have 108 megapixels.
DEFAULT_MEGAPIXELS = 120
VARIABLE = "FREESEG_MAX_MEGAPIXELS"
_BYTES_EACH = 12  # of memory for a pixel, as errors tell it
_MILLION = 1_000_000


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


def check_size(size: tuple[int, int], name: str) -> None:
    """Raise a PhotoError for a picture of more pixels than `max_megapixels` allows, or of none.

    Example:
        >>> check_size((19_000, 19_000), "a.gif")
        Traceback (most recent call last):
        freeseg.errors.PhotoError: cannot read a.gif: 19000x19000 pixels are 361 megapixels, of which at most 120 are \
read; shrink or tile it, or set FREESEG_MAX_MEGAPIXELS=361, which needs about 4.3 GB of memory
    """
    pixels = size[0] * size[1]
    if min(size) < 1:
        raise PhotoError(f"cannot read {name}: {size[0]}x{size[1]} pixels; give one that has pixels")
    if pixels > (most := max_megapixels()) * _MILLION:
        needed = -(-pixels // _MILLION)
        raise PhotoError(
            f"cannot read {name}: {size[0]}x{size[1]} pixels are {pixels / _MILLION:.4g} megapixels, of which at most "
            f"{most:g} are read; shrink or tile it, or set {VARIABLE}={needed}, which needs about "
            f"{pixels * _BYTES_EACH / 1e9:.1f} GB of memory"
        )
