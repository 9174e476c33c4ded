"""Pixels and mean confidence of each value of a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_BLOCK_PIXELS = 1 << 18  # that are added up at a time, since they become 8-byte numbers first


def pixels_by_value(mask: npt.NDArray[Any], *, count: int) -> npt.NDArray[np.int64]:
    """How many pixels have each value.

    Args:
        mask: (H, W) integers from 0 up.
        count: How many labels there are.

    Returns:
        (max(count, 256),) int64; more where the mask has greater values.

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
    rows = max(1, _BLOCK_PIXELS // mask.shape[1])
    for top in range(0, len(mask), rows):
        values, sure = mask[top : top + rows].ravel(), confidence[top : top + rows].ravel().astype(np.float64)
        # The sum of each run of equal values first: there are far fewer runs than pixels.
        starts = np.append(0, np.flatnonzero(values[1:] != values[:-1]) + 1)
        total += np.bincount(values[starts], np.add.reduceat(sure, starts), len(total))
    return total / np.maximum(pixels, 1)
