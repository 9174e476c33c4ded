"""Values of pixels of any supported type as values from 0 to 255."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freeseg.errors import PhotoError

_WHITE = {8: 255, 16: 65_535}
_VALUES_AT_ONCE = 4_000_000
_DARK = 4096  # 16-bit values that all lie below it are nearly black


def eight_bits(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """The values of an array as values from 0 to 255.

    Args:
        values: uint8, uint16, bool, or floats in [0, 1].
        name: What errors call the photo.

    Raises:
        PhotoError: They are of another type, or out of range.

    Example:
        >>> eight_bits(np.array([0.0, 0.5, 1.0]), "the array").tolist()
        [0, 128, 255]
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # in either byte order
        _warn_of_dark(values)
        return _scaled(values, _WHITE[16])
    ends = _ends(values)
    # Rounding may leave the range a little. With NaN both comparisons are false.
    if values.dtype.kind == "f" and ends[0] >= -1e-4 and ends[1] <= 1 + 1e-4:
        return _by_rows(values, lambda part: np.rint(np.clip(part, 0, 1) * 255).astype(np.uint8))
    raise _refusal(values, name)


def grey_eight_bits(
    values: NDArray[Any], name: str, *, white: int = 0, white_is_zero: bool = False
) -> NDArray[np.uint8]:
    """The values of a grey picture as values from 0 (black) to 255.

    Integers of 32 or 64 bits, and signed ones, mean 8-bit values where none exceeds 255. Other ones of 32 or 64 bits
    mean 16-bit values, and of signed ones the largest value that the type has is white.

    Args:
        values: (height, width), integers or floats in [0, 1].
        name: What errors call the photo.
        white: The value that is white; 0 where it is not known.
        white_is_zero: Whether 0 is white instead, and that value black.

    Raises:
        PhotoError: A value is negative, or exceeds those that are known.

    Example:
        >>> grey_eight_bits(np.array([[0, 100, 255]], np.int32), "a.tif").tolist()
        [[0, 100, 255]]
        >>> grey_eight_bits(np.array([[0, 65535]], np.uint16), "a.tif", white_is_zero=True).tolist()
        [[255, 0]]
    """
    if values.dtype.kind == "f":
        grey = eight_bits(values, name)
        return np.uint8(255) - grey if white_is_zero else grey
    low, high = _ends(values)
    bits = 8 * values.dtype.itemsize
    if not white and values.dtype.kind == "i" and bits <= 16:
        white = 255 if bits == 16 and high <= 255 else int(np.iinfo(values.dtype).max)
    elif not white:
        white = _WHITE[8] if bits == 8 or (bits >= 32 and high <= 255) else _WHITE[16]
    if low < 0 or high > white:
        raise _refusal(values, name)
    if white > 255 and white >= 2**15 - 1:
        _warn_of_dark(values)
    grey = _scaled(values, white)
    return np.uint8(255) - grey if white_is_zero else grey


def _scaled(values: NDArray[Any], white: int) -> NDArray[np.uint8]:
    """Integers from 0 to `white` as integers from 0 to 255, rounded."""
    return _by_rows(values, lambda part: ((part.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8))


def _by_rows(values: NDArray[Any], work: Callable[[NDArray[Any]], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """What some work makes of each value, done some rows at a time, so that its steps take little memory."""
    result = np.empty(values.shape, np.uint8)
    rows = max(1, _VALUES_AT_ONCE * len(values) // max(1, values.size))
    for top in range(0, len(values), rows):
        result[top : top + rows] = work(values[top : top + rows])
    return result


def _ends(values: NDArray[Any]) -> tuple[Any, Any]:
    return (values.min(), values.max()) if values.dtype.kind in "iuf" else ("?", "?")


def _refusal(values: NDArray[Any], name: str) -> PhotoError:
    ends = _ends(values)
    got = f"{values.dtype} values from {ends[0]} to {ends[1]}"
    return PhotoError(f"cannot read {name}: {got}; give uint8, uint16, bool, or floats in [0, 1] without NaN")


def _warn_of_dark(values: NDArray[Any]) -> None:
    """Warn of 16-bit values that are nearly black: cameras store 12 bits in 16. Warnings of equal text show once."""
    if values.size and 0 < values.max() < _DARK:
        warnings.warn(
            f"the 16-bit values of a picture are all below {_DARK}, where 65535 is white, so it is nearly black; if it "
            "holds 12-bit values, multiply them by 16",
            stacklevel=2,
        )
