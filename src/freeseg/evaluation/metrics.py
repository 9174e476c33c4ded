"""Metrics of segmentation: pure functions on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IGNORE = 255


def confusion(prediction: NDArray[np.integer], truth: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Confusion matrix (classes, classes), truth in rows; pixels that are 255 in the truth do not count.

    A prediction of 255 ("don't know") on a pixel with a truth counts as a miss: it goes to an extra last
    column, so the result is (classes, classes + 1).

    Raises:
        ValueError: The shapes differ, or an index is neither a class nor 255.

    Example:
        >>> confusion(np.array([0, 1, 255]), np.array([0, 0, 0]), 2).tolist()
        [[1, 1, 1], [0, 0, 0]]
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")
    used = truth != IGNORE
    true, predicted = truth[used].astype(np.int64), prediction[used].astype(np.int64)
    for indices in (true, predicted[predicted != IGNORE]):
        if indices.size and (indices.min() < 0 or indices.max() >= classes):
            raise ValueError(f"an index is neither a class, 0 to {classes - 1}, nor {IGNORE}")
    predicted = np.where(predicted == IGNORE, classes, predicted)
    counts = np.bincount(true * (classes + 1) + predicted, minlength=classes * (classes + 1))
    return counts.reshape(classes, classes + 1)


def iou(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union per class, from a confusion matrix; NaN for a class that never occurs.

    Example:
        >>> iou(np.array([[2, 1, 0], [0, 1, 0]])).round(2).tolist()
        [0.67, 0.5]
    """
    classes = len(matrix)
    hits = matrix[np.arange(classes), np.arange(classes)]
    union = matrix.sum(axis=1) + matrix[:, :classes].sum(axis=0) - hits
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(hits / np.where(union == 0, np.nan, union))


def mean_iou(matrix: NDArray[np.int64]) -> float:
    """mIoU of a whole set, in [0, 1]: the mean over classes that occur in truth or prediction.

    Example:
        >>> round(mean_iou(np.array([[2, 1, 0], [0, 1, 0]])), 3)
        0.583
    """
    return float(np.nanmean(iou(matrix)))


def map_contrast(maps: NDArray[np.floating], truth: NDArray[np.integer]) -> list[float]:
    """The terms of mSC of one photo: per present label, mean score inside its region minus mean outside.

    Args:
        maps: (N, H, W) min-max scores in [0, 1]; map n belongs to index n of the truth.
        truth: (H, W), 255 for pixels that do not count.

    Returns:
        One number in [-100, 100] for each label present in the truth.

    Example:
        >>> map_contrast(np.array([[[1.0, 0.25]]]), np.array([[0, 1]]))
        [75.0]
    """
    counted = truth != IGNORE
    terms = []
    for label in range(len(maps)):
        inside = truth == label
        outside = counted & ~inside
        if inside.any() and outside.any():
            terms.append(100 * float(maps[label][inside].mean() - maps[label][outside].mean()))
    return terms
