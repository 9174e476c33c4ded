"""Sliding windows: where they lie, and how their maps become one map of the whole photo."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import Maps, Sources, lerp_columns, lerp_rows

Corner = tuple[int, int]


def windows(size: tuple[int, int], window: int, stride: int) -> list[Corner]:
    """Where square windows lie that together cover a photo, as mmsegmentation places them.

    Windows that would pass the lower or right edge are shifted inward. A side shorter than the window has one
    window, which is cut to that side.

    Args:
        size: (height, width) of the photo.
        window: Side of a window; 0 takes the whole photo.
        stride: From one window to the next, 1 to `window`.

    Returns:
        (top, left) of each, row by row.

    Raises:
        ValueError: A stride that would leave gaps.

    Example:
        >>> windows((336, 448), 224, 112)
        [(0, 0), (0, 112), (0, 224), (112, 0), (112, 112), (112, 224)]
        >>> windows((10, 25), 10, 10)
        [(0, 0), (0, 10), (0, 15)]
    """
    if window == 0:
        return [(0, 0)]
    if not 1 <= stride <= window:
        raise ValueError(f"stride {stride} must be 1 to the window's side, {window}")
    tops, lefts = (_starts(side, window, stride) for side in size)
    return [(top, left) for top in tops for left in lefts]


def _starts(side: int, window: int, stride: int) -> list[int]:
    last = max(0, side - window)
    return [min(step * stride, last) for step in range(ceil(last / stride) + 1)]


def merge(
    maps: Sequence[Maps], corners: Sequence[Corner], window: int, size: tuple[int, int], grid: tuple[int, int]
) -> Maps:
    """One map of the whole photo: at every patch, the mean over the windows that see its centre.

    A window's maps are read off bilinearly, as its own grid need not fall on the photo's. Every grid is taken to
    cover its picture evenly, as upsampling does.

    Args:
        maps: Of each window, (N, h, w).
        corners: Of each window, as `windows` gave them.
        window: Side of a window.
        size: (height, width) of the photo in pixels.
        grid: (rows, columns) of the photo's patch grid.

    Returns:
        (N, *grid).

    Example:
        >>> left, right = np.zeros((1, 2, 2), np.float32), np.ones((1, 2, 2), np.float32)
        >>> merge([left, right], windows((4, 6), 4, 2), 4, (4, 6), (2, 3))[0].tolist()
        [[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]]
    """
    total, count = np.zeros((len(maps[0]), *grid), np.float32), np.zeros(grid, np.float32)
    rows, columns = ((np.arange(n) + 0.5) * (side / n) for n, side in zip(grid, size, strict=True))
    height, width = min(window, size[0]), min(window, size[1])
    for part, (top, left) in zip(maps, corners, strict=True):
        inside_rows, inside_columns = _inside(rows, top, height), _inside(columns, left, width)
        y = Sources.at((rows[inside_rows] - top) / height * part.shape[1], part.shape[1])
        x = Sources.at((columns[inside_columns] - left) / width * part.shape[2], part.shape[2])
        total[:, inside_rows, inside_columns] += lerp_rows(lerp_columns(part, x), y)
        count[inside_rows, inside_columns] += 1
    return np.asarray(total / count, np.float32)


def _inside(centres: NDArray[np.floating], start: int, length: int) -> slice:
    """Which of ascending centres lie in [start, start + length)."""
    first, last = np.searchsorted(centres, [start, start + length])
    return slice(int(first), int(last))
