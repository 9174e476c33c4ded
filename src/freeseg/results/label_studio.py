"""Masks as Label Studio has them: a brush's run-length code, and polygons in per cent of the photo.

The run-length code is that of @thi.ng/rle-pack, over the four channels of each pixel, row by row: 32 bits that count
the values, 5 bits for the size of a value less 1, four times 4 bits for the sizes of run lengths less 1, and then the
runs: a bit that says that a value repeats, 2 bits that choose a size, the length less 1 in that size, and the value.
Source: https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from freeseg.results.polygons import polygons

CHANNELS = 4
_SIZES = (3, 4, 8, 16)  # bits of a run's length less 1
_LONGEST = 1 << _SIZES[-1]
_INSIDE = 255


def brush_rle(where: npt.NDArray[np.bool_]) -> list[int]:
    """A mask as the bytes of a brush's run-length code.

    Args:
        where: (H, W), at least one pixel.

    Returns:
        Bytes as integers, as `value.rle` of a "brushlabels" result has them.

    Example:
        >>> brush_rle(np.array([[True]]))[:4]  # how many values follow: one for each channel of each pixel
        [0, 0, 0, 4]
    """
    flat = where.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    lengths = CHANNELS * np.diff(ends, prepend=0)
    head = f"{CHANNELS * flat.size:032b}{8 - 1:05b}" + "".join(f"{size - 1:04b}" for size in _SIZES)
    bits = [head]
    for place, length in enumerate(lengths.tolist()):
        value = f"{_INSIDE if bool(flat[0]) == (place % 2 == 0) else 0:08b}"
        while length > 0:
            part = min(length, _LONGEST)
            choice = next(number for number, size in enumerate(_SIZES) if part <= 1 << size)
            bits.append(f"1{choice:02b}{part - 1:0{_SIZES[choice]}b}{value}")
            length -= part
    return np.packbits(np.frombuffer("".join(bits).encode(), np.uint8) - ord("0")).tolist()


def polygon_points(where: npt.NDArray[np.bool_]) -> list[list[list[float]]]:
    """The parts of a mask as polygons, each point (x, y) in per cent of the photo's width and height.

    Parts of less than a thousandth of the photo are left out, unless there are no others.

    Args:
        where: (H, W), at least one pixel.

    Example:
        >>> polygon_points(np.array([[True, True], [False, False]]))
        [[[0.0, 0.0], [100.0, 0.0], [100.0, 50.0], [0.0, 50.0]]]
    """
    height, width = where.shape
    tolerance = max(1.0, min(where.shape) / 400)
    found = polygons(where, tolerance=tolerance, least_area=where.size / 1000) or polygons(where, tolerance=0)[:1]
    scale = np.array([100 / width, 100 / height])
    return [np.round(each * scale, 3).tolist() for each in found]
