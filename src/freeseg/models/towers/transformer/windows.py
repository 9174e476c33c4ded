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


def window_places(grid: tuple[int, int], *, native: int) -> list[tuple[slice, slice]]:
    """The windows that together cover an image: their rows and columns, in patches; one for an image of usual shape.

    Args:
        grid: (height, width) of the image, in patches.
        native: Side of the grid that the model was trained on, in patches.

    Example:
        >>> window_places((1, 3), native=2)
        [(slice(0, 1, None), slice(0, 2, None)), (slice(0, 1, None), slice(1, 3, None))]
    """
    length = window_length(grid, native=native)
    rows, columns = (
        [slice(start, start + min(side, length)) for start in window_starts(side, length)] for side in grid
    )
    return [(row, column) for row in rows for column in columns]


def pixels_of(pixels: Tensor, place: tuple[slice, slice], *, patch: int) -> Tensor:
    """The pixels (B, 3, H, W) of a window."""
    rows, columns = (slice(side.start * patch, side.stop * patch) for side in place)
    return pixels[:, :, rows, columns]


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
    grid = pixels.shape[2] // patch, pixels.shape[3] // patch
    places = window_places(grid, native=native)
    if len(places) == 1:
        return window_features(pixels)
    total, count = None, pixels.new_zeros(grid)
    for rows, columns in places:
        features = window_features(pixels_of(pixels, (rows, columns), patch=patch))
        total = features.new_zeros(*features.shape[:2], *grid) if total is None else total
        total[:, :, rows, columns] += features
        count[rows, columns] += 1
    assert total is not None  # noqa: S101 - there is at least one window
    return total / count
