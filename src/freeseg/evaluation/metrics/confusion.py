"""Metrics of segmentation: pure functions on arrays.

A confusion matrix here is (C, C + 1) int64: truth in rows, prediction in columns, "don't know" in the last one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freeseg.mask_values import IGNORE

Cell = tuple[int, int, int]  # (truth, prediction, pixels): one cell of a confusion matrix


def check_masks(prediction: NDArray[np.integer], truth: NDArray[np.integer], classes: int) -> None:
    """Refuse masks that cannot be compared; what is predicted where the truth is 255 does not matter.

    Raises:
        ValueError: The shapes differ, or an index is neither a class nor 255.

    Example:
        >>> check_masks(np.array([[1, 77]]), np.array([[0, 255]]), 2)
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")
    used = truth != IGNORE
    for indices in (truth[used], prediction[used & (prediction != IGNORE)]):
        if indices.size and (indices.min() < 0 or indices.max() >= classes):
            raise ValueError(f"an index is neither a class, 0 to {classes - 1}, nor {IGNORE}")


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
    check_masks(prediction, truth, classes)
    used = truth != IGNORE
    true, predicted = truth[used].astype(np.int64), prediction[used].astype(np.int64)
    predicted = np.where(predicted == IGNORE, classes, predicted)
    counts = np.bincount(true * (classes + 1) + predicted, minlength=classes * (classes + 1))
    return counts.reshape(classes, classes + 1)


def pairs(matrix: NDArray[np.int64]) -> list[Cell]:
    """The cells of a confusion matrix that are not zero, as plain integers, in order.

    Example:
        >>> pairs(np.array([[2, 0, 1], [0, 0, 0]]))
        [(0, 0, 2), (0, 2, 1)]
    """
    truth, prediction = np.nonzero(matrix)
    return list(zip(truth.tolist(), prediction.tolist(), matrix[truth, prediction].tolist(), strict=True))


def dense(pairs: Sequence[Cell], classes: int) -> NDArray[np.int64]:
    """A confusion matrix (classes, classes + 1) from its cells, the other way round than `pairs`; equal cells add up.

    Raises:
        ValueError: A cell lies outside the matrix.

    Example:
        >>> dense([(0, 0, 2), (0, 2, 1), (0, 2, 4)], 2).tolist()
        [[2, 0, 5], [0, 0, 0]]
    """
    table = np.array(pairs, np.int64).reshape(-1, 3)
    matrix = np.zeros(classes * (classes + 1), np.int64)
    np.add.at(matrix, cells(table, classes), table[:, 2])
    return matrix.reshape(classes, classes + 1)


def cells(table: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The place of each (truth, prediction, ...) row of (n, 2+) in a flattened confusion matrix, (n,) int64.

    Raises:
        ValueError: One lies outside the matrix.

    Example:
        >>> cells(np.array([[0, 2], [1, 0]]), 2).tolist()
        [2, 3]
    """
    truth, prediction = table[:, 0], table[:, 1]
    wrong = (truth < 0) | (truth >= classes) | (prediction < 0) | (prediction > classes)
    if wrong.any():
        first = table[wrong][0, :2].tolist()
        raise ValueError(f"the confusion of truth {first[0]} with prediction {first[1]} is none of {classes} classes")
    return np.asarray(truth * (classes + 1) + prediction)


def share(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """part / whole element by element; NaN where the whole is 0.

    Example:
        >>> share([1, 0], [4, 0]).tolist()
        [0.25, nan]
    """
    whole = np.asarray(whole, np.float64)
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0))


def class_mean(values: NDArray[np.float64]) -> float:
    """The mean over classes that have a number; NaN if none has.

    Example:
        >>> class_mean(np.array([0.5, np.nan, 1.0]))
        0.75
    """
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else math.nan


def iou(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union per class (C,), in [0, 1], from a confusion matrix.

    NaN for a class in neither truth nor prediction; 0 for a class that is predicted but never true. This is the
    convention of `IoUMetric` in mmsegmentation, which published numbers are mostly computed with. (The
    `SemSegEvaluator` of detectron2 leaves out every class without a truth, which gives larger means.)

    Example:
        >>> iou(np.array([[2, 1, 0], [0, 1, 0]])).round(2).tolist()
        [0.67, 0.5]
    """
    hits, classes = matrix.diagonal(), len(matrix)
    return share(hits, matrix.sum(axis=1) + matrix[:, :classes].sum(axis=0) - hits)


def mean_iou(matrix: NDArray[np.int64]) -> float:
    """mIoU of a whole set, in [0, 1]: the mean over classes that occur in truth or prediction.

    Example:
        >>> round(mean_iou(np.array([[2, 1, 0], [0, 1, 0]])), 3)
        0.583
    """
    return class_mean(iou(matrix))


def pixel_accuracy(matrix: NDArray[np.int64]) -> float:
    """Share of the pixels with a truth that are right, in [0, 1] (FCN, arXiv 1411.4038, section 5).

    "Don't know" is not right. NaN without pixels.

    Example:
        >>> pixel_accuracy(np.array([[2, 1, 0], [0, 1, 1]]))
        0.6
    """
    return float(share(matrix.trace(), matrix.sum()))


def mean_class_accuracy(matrix: NDArray[np.int64]) -> float:
    """Mean over the classes in the truth of the share of their pixels that are right (FCN, section 5), in [0, 1].

    Example:
        >>> mean_class_accuracy(np.array([[2, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]))
        0.75
    """
    return class_mean(share(matrix.diagonal(), matrix.sum(axis=1)))


def frequency_weighted_iou(matrix: NDArray[np.int64]) -> float:
    """Mean of the classes' IoU, each weighted by its pixels in the truth (FCN, section 5), in [0, 1].

    Example:
        >>> frequency_weighted_iou(np.array([[2, 1, 0], [0, 1, 0]]))
        0.625
    """
    truth = matrix.sum(axis=1)
    return float(share(np.nansum(truth * iou(matrix)), truth.sum()))


def presence_counts(shown: Sequence[Collection[int]], there: Sequence[Collection[int]]) -> NDArray[np.int64]:
    """Per photo (photos, 3): how many labels are rightly shown, shown, and there.

    Args:
        shown: Per photo, the distinct labels in its predicted mask.
        there: Per photo, the distinct labels in its truth.

    Example:
        >>> presence_counts([[1, 2], []], [[2, 3, 4], [5]]).tolist()
        [[1, 2, 3], [0, 0, 1]]
    """
    rows = [(len({*a} & {*b}), len(a), len(b)) for a, b in zip(shown, there, strict=True)]
    return np.array(rows, np.int64).reshape(-1, 3)


def f1(hits: int, shown: int, there: int) -> float:
    """F1 from how many are right, how many were found and how many there are, in [0, 1]; NaN where there is nothing.

    Example:
        >>> f1(3, 4, 6)
        0.6
    """
    return float(share(2 * hits, shown + there))


def presence_f1(shown: Sequence[Collection[int]], there: Sequence[Collection[int]]) -> float:
    """F1 of which labels appear in which photo, over all photos and labels together (micro), in [0, 1].

    Args:
        shown: Per photo, the distinct labels in its predicted mask.
        there: Per photo, the distinct labels in its truth.

    Example:
        >>> presence_f1([[1, 2], [4]], [[2, 3], [4]])
        0.6666666666666666
    """
    return f1(*presence_counts(shown, there).sum(axis=0).tolist())


def map_contrast(maps: NDArray[np.floating], truth: NDArray[np.integer]) -> dict[int, float]:
    """The terms of mSC of one photo: per present label, mean score inside its region minus mean outside.

    Args:
        maps: (N, H, W) min-max scores in [0, 1]; map n belongs to index n of the truth.
        truth: (H, W), 255 for pixels that do not count; an index without a map is outside of all of them.

    Returns:
        One number in [-100, 100] for each label that is in the truth but not everywhere, by the map's index.

    Example:
        >>> map_contrast(np.array([[[1.0, 0.25]]]), np.array([[0, 1]]))
        {0: 75.0}
    """
    counted = truth != IGNORE
    terms = {}
    for label in np.unique(truth[counted]).tolist():
        inside = truth == label
        outside = counted & ~inside
        if 0 <= label < len(maps) and outside.any():
            terms[label] = 100 * float(maps[label][inside].mean() - maps[label][outside].mean())
    return terms
