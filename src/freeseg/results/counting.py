"""Pixels and mean confidence of each value of a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_BLOCK_ROWS = 256  # `bincount` copies what it counts as 8-byte numbers, so it is given some rows at a time


def pixels_by_value(mask: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], *, count: int) -> npt.NDArray[np.int64]:
    """How many pixels have each value.

    Args:
        mask: (H, W).
        count: How many labels there are.

    Returns:
        (max(count, 256),) int64.

    Example:
        >>> pixels_by_value(np.array([[0, 1, 1]], np.uint8), count=2)[:3].tolist()
        [1, 2, 0]
    """
    if mask.dtype == np.uint8:
        return np.array(Image.fromarray(mask).histogram())  # 15 times as fast as `bincount`
    return np.bincount(mask.ravel(), minlength=max(count, 256))


def mean_confidence_by_value(
    mask: npt.NDArray[Any], confidence: npt.NDArray[np.float32], pixels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The mean confidence of the pixels of each value.

    Args:
        mask: (H, W).
        confidence: (H, W) float32 in [0, 1].
        pixels: (N,) what `pixels_by_value` gives for the mask.

    Returns:
        (N,) float64 in [0, 1]; 0 where a value has no pixels.

    Example:
        >>> mask, confidence = np.array([[0, 1, 1]], np.uint8), np.array([[1, 0, 0.5]], np.float32)
        >>> mean_confidence_by_value(mask, confidence, pixels_by_value(mask, count=2))[:3].tolist()
        [1.0, 0.25, 0.0]
    """
    total = np.zeros(len(pixels), np.float64)
    for top in range(0, len(mask), _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        total += np.bincount(mask[rows].ravel(), confidence[rows].ravel(), len(total))
    return total / np.maximum(pixels, 1)
