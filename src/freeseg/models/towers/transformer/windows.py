"""Long images through windows: a transformer sees no shape far from its training's, and memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from torch import Tensor

ASPECT = 2  # a window is at most this many times as long as it is wide


def window_length(grid: tuple[int, int], *, native: int) -> int:
    """The longest side of a window, in patches: `ASPECT` short sides of the image, or `native` where that is more.

    Args:
        grid: (height, width) of the image, in patches.
        native: Side of the grid that the model was trained on, in patches.

    Example:
        >>> window_length((21, 28), native=14), window_length((21, 100), native=14), window_length((1, 100), native=14)
        (42, 42, 14)
    """
    return max(ASPECT * min(grid), native)


def window_starts(side: int, length: int) -> list[int]:
    """Where windows of `length` begin on a side, both in patches: evenly, each overlapping the next by half or more.

    Example:
        >>> window_starts(42, 42), window_starts(100, 42)
        ([0], [0, 19, 39, 58])
    """
    if side <= length:
        return [0]
    steps = ceil((side - length) / (length / 2))
    return [round(step * (side - length) / steps) for step in range(steps + 1)]


def features_by_windows(
    window_features: Callable[[Tensor], Tensor], pixels: Tensor, *, patch: int, native: int
) -> Tensor:
    """The features of an image that is seen through windows; where windows overlap, the mean of theirs.

    Args:
        window_features: Pixels (B, 3, h * patch, w * patch) -> features (B, C, h, w).
        pixels: (B, 3, H, W), both sides multiples of `patch`.
        patch: Side of a patch in pixels.
        native: Side of the grid that the model was trained on, in patches.

    Returns:
        (B, C, H / patch, W / patch); where one window is enough, exactly what `window_features` gives.
    """
    rows, columns = pixels.shape[2] // patch, pixels.shape[3] // patch
    length = window_length((rows, columns), native=native)
    if max(rows, columns) <= length:
        return window_features(pixels)
    height, width = min(rows, length), min(columns, length)
    corners = [(top, left) for top in window_starts(rows, height) for left in window_starts(columns, width)]
    total, count = None, pixels.new_zeros(rows, columns)
    for top, left in corners:
        window = pixels[:, :, top * patch : (top + height) * patch, left * patch : (left + width) * patch]
        features = window_features(window)
        total = features.new_zeros(*features.shape[:2], rows, columns) if total is None else total
        total[:, :, top : top + height, left : left + width] += features
        count[top : top + height, left : left + width] += 1
    assert total is not None  # noqa: S101 - there is at least one window
    return total / count
