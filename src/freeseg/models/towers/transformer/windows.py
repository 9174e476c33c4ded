"""Long images by windows: a transformer sees no shape far from those it was trained on, and memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from torch import Tensor

ASPECT = 2  # a window is at most this many times as long as it is wide


def window_length(grid: tuple[int, int], native: int) -> int:
    """The longest side of what is seen at once, in patches: `ASPECT` short sides, or `native` where that is more.

    Example:
        >>> window_length((21, 28), 14), window_length((21, 100), 14), window_length((1, 100), 14)
        (42, 42, 14)
    """
    return max(ASPECT * min(grid), native)


def starts(side: int, length: int) -> list[int]:
    """Where windows of `length` lie on a side, both in patches: evenly, each overlapping the next by half or more.

    Example:
        >>> starts(42, 42), starts(100, 42)
        ([0], [0, 19, 39, 58])
    """
    if side <= length:
        return [0]
    steps = ceil((side - length) / (length / 2))
    return [round(step * (side - length) / steps) for step in range(steps + 1)]


def by_windows(see: Callable[[Tensor], Tensor], pixels: Tensor, patch: int, native: int) -> Tensor:
    """The features of an image seen through windows; where they overlap, their mean.

    Args:
        see: Pixels (B, 3, h * patch, w * patch) -> features (B, C, h, w).
        pixels: (B, 3, H, W), both sides multiples of `patch`.
        patch: Side of a patch in pixels.
        native: Side of the grid that the model was trained on, in patches.

    Returns:
        (B, C, H / patch, W / patch); exactly what `see` gives where one window is enough.
    """
    rows, columns = pixels.shape[2] // patch, pixels.shape[3] // patch
    length = window_length((rows, columns), native)
    if max(rows, columns) <= length:
        return see(pixels)
    height, width = min(rows, length), min(columns, length)
    corners = [(top, left) for top in starts(rows, height) for left in starts(columns, width)]
    total, count = None, pixels.new_zeros(rows, columns)
    for top, left in corners:
        part = pixels[:, :, top * patch : (top + height) * patch, left * patch : (left + width) * patch]
        seen = see(part)
        total = seen.new_zeros(*seen.shape[:2], rows, columns) if total is None else total
        total[:, :, top : top + height, left : left + width] += seen
        count[top : top + height, left : left + width] += 1
    assert total is not None  # noqa: S101 - there is at least one window
    return total / count
