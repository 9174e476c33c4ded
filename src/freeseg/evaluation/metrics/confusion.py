"""The confusion matrix, and the metrics that are computed from it: IoU and accuracies.

A confusion matrix here is (C, C + 1) int64: truth in rows, prediction in columns, "don't know" in the last one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freeseg.evaluation.metrics.bootstrap import Weights, stack, weighted_sums
from freeseg.evaluation.metrics.metric import Counts, Metric, PredictedPhoto, Tally
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


def confusion_matrix(prediction: NDArray[np.integer], truth: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Confusion matrix (classes, classes), truth in rows; pixels that are 255 in the truth do not count.

    A prediction of 255 ("don't know") on a pixel with a truth counts as a miss: it goes to an extra last
    column, so the result is (classes, classes + 1).

    Raises:
        ValueError: The shapes differ, or an index is neither a class nor 255.

    Example:
        >>> confusion_matrix(np.array([0, 1, 255]), np.array([0, 0, 0]), 2).tolist()
        [[1, 1, 1], [0, 0, 0]]
    """
    check_masks(prediction, truth, classes)
    used = truth != IGNORE
    true, predicted = truth[used].astype(np.int64), prediction[used].astype(np.int64)
    predicted = np.where(predicted == IGNORE, classes, predicted)
    counts = np.bincount(true * (classes + 1) + predicted, minlength=classes * (classes + 1))
    return counts.reshape(classes, classes + 1)


def nonzero_cells(matrix: NDArray[np.int64]) -> list[Cell]:
    """The cells of a confusion matrix that are not zero, as plain integers, in order.

    Example:
        >>> nonzero_cells(np.array([[2, 0, 1], [0, 0, 0]]))
        [(0, 0, 2), (0, 2, 1)]
    """
    truth, prediction = np.nonzero(matrix)
    return list(zip(truth.tolist(), prediction.tolist(), matrix[truth, prediction].tolist(), strict=True))


def matrix_of_cells(cells: Sequence[Cell], classes: int) -> NDArray[np.int64]:
    """A confusion matrix (classes, classes + 1) from its cells, the inverse of `nonzero_cells`; equal cells add up.

    Raises:
        ValueError: A cell lies outside the matrix.

    Example:
        >>> matrix_of_cells([(0, 0, 2), (0, 2, 1), (0, 2, 4)], 2).tolist()
        [[2, 0, 5], [0, 0, 0]]
    """
    table = np.array(cells, np.int64).reshape(-1, 3)
    matrix = np.zeros(classes * (classes + 1), np.int64)
    np.add.at(matrix, _flat_index(table, classes), table[:, 2])
    return matrix.reshape(classes, classes + 1)


def pooled_confusion(photos: Sequence[Sequence[Cell]], classes: int) -> Callable[[Weights], NDArray[np.int64]]:
    """Weights -> the confusion matrix (classes, classes + 1) of a draw, from the cells of each photo's matrix.

    Raises:
        ValueError: A cell lies outside the matrix.

    Example:
        >>> pooled_confusion([[(0, 0, 3)], [(1, 0, 2)]], classes=2)(np.array([2, 1])).tolist()
        [[6, 0, 0], [2, 0, 0]]
    """
    rows, table = stack(photos, 3, np.int64)
    shape = (len(photos), classes * (classes + 1))
    sums = weighted_sums(rows, _flat_index(table, classes), table[:, 2:], shape=shape)
    return lambda weights: sums(weights).reshape(classes, classes + 1)


def _flat_index(table: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The place of each (truth, prediction, ...) row of (n, 2+) in a flattened confusion matrix, (n,) int64."""
    truth, prediction = table[:, 0], table[:, 1]
    wrong = (truth < 0) | (truth >= classes) | (prediction < 0) | (prediction > classes)
    if wrong.any():
        first = table[wrong][0, :2].tolist()
        raise ValueError(f"the confusion of truth {first[0]} with prediction {first[1]} is none of {classes} classes")
    return np.asarray(truth * (classes + 1) + prediction)


def share(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """Part / whole element by element; NaN where the whole is 0.

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
    """MIoU of a whole set, in [0, 1]: the mean over classes that occur in truth or prediction.

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


class DrawnConfusion(NamedTuple):
    """The confusion matrix of a draw of photos, and which classes (C,) only photos that were not drawn have.

    Such a class is unknown in this draw. Its IoU would be 0, as it is predicted somewhere, and would pull the interval
    below the number.
    """

    matrix: NDArray[np.int64]
    unknown: NDArray[np.bool_]

    def known_mean(self, values: NDArray[np.float64]) -> float:
        """The mean of a number per class (C,) over the classes that are known and have one."""
        return class_mean(np.where(self.unknown, np.nan, values))


def _count(photo: PredictedPhoto) -> dict[str, Any]:
    return {"confusion": nonzero_cells(confusion_matrix(photo.prediction.mask, photo.truth, photo.classes))}


def _pool(photos: Sequence[Counts], classes: int) -> Callable[[Weights], DrawnConfusion]:
    pooled = pooled_confusion([counts["confusion"] for counts in photos], classes)
    present = pooled(np.ones(len(photos), np.int64)).sum(axis=1) > 0

    def draw(weights: Weights) -> DrawnConfusion:
        matrix = pooled(weights)
        return DrawnConfusion(matrix, present & (matrix.sum(axis=1) == 0))

    return draw


def _parse(cells: Any) -> list[Cell]:
    return [(int(truth), int(prediction), int(pixels)) for truth, prediction, pixels in cells]


# Of each photo: the cells of its confusion matrix that are not zero.
CONFUSION = Tally({"confusion": _parse}, _count, _pool)
MEAN_IOU = Metric(
    "mIoU",
    "intersection over union, mean over classes",
    (CONFUSION,),
    lambda confusion: confusion.known_mean(iou(confusion.matrix)),
)
PIXEL_ACCURACY = Metric(
    "pixel accuracy",
    "share of the pixels that are right",
    (CONFUSION,),
    lambda confusion: pixel_accuracy(confusion.matrix),
)
MEAN_CLASS_ACCURACY = Metric(
    "mean class accuracy",
    "share of a class's pixels that are right, mean over classes",
    (CONFUSION,),
    lambda confusion: mean_class_accuracy(confusion.matrix),
)
FREQUENCY_WEIGHTED_IOU = Metric(
    "frequency-weighted IoU",
    "IoU, each class weighted by its pixels",
    (CONFUSION,),
    lambda confusion: frequency_weighted_iou(confusion.matrix),
)
