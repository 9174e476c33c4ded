"""What the headline numbers of a set are made of: its classes, mix-ups, confidence and photos. All in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.evaluation.metrics.boundary import pooled_boundary
from freeseg.evaluation.metrics.calibration import BINS
from freeseg.evaluation.metrics.confusion import class_mean, iou, matrix_of_cells, share
from freeseg.evaluation.records import PhotoRecord


class ClassRow(NamedTuple):
    """One class over the whole set; a number is NaN where there is nothing to measure.

    Attributes:
        name: The class.
        iou: Intersection over union.
        boundary_iou: Intersection over union of the bands along its outlines.
        accuracy: Share of its pixels that are found (recall).
        precision: Share of the pixels taken for it that are right.
        share: Its share of all pixels that count.
        photos: How many photos it is in.
    """

    name: str
    iou: float
    boundary_iou: float
    accuracy: float
    precision: float
    share: float
    photos: int


class Mixup(NamedTuple):
    """A class that was taken for another: on which share of its pixels."""

    truth: str
    prediction: str
    share: float


class Reliability(NamedTuple):
    """Pixels with a confidence from `low` to `high`: how many of them are right, and their share of all pixels."""

    low: float
    high: float
    accuracy: float
    share: float


def per_class(records: Sequence[PhotoRecord], classes: Sequence[str]) -> list[ClassRow]:
    """A row per class, in the order of the classes.

    Example:
        >>> record = PhotoRecord("a", {"confusion": [(0, 0, 3), (0, 1, 1)], "boundary": [(0, 1, 2)]})
        >>> per_class([record], ["sky"])[0]
        ClassRow(name='sky', iou=75.0, boundary_iou=50.0, accuracy=75.0, precision=100.0, share=100.0, photos=1)
    """
    matrix = total_confusion(records, len(classes))
    bands = pooled_boundary(_counts(records, "boundary"), len(classes))
    truth, shown, hits = matrix.sum(axis=1), matrix[:, :-1].sum(axis=0), matrix.diagonal()
    photos = np.bincount([label for record in records for label in _true(record)], minlength=len(classes))
    columns = (
        iou(matrix),
        bands(np.ones(len(records), np.int64)),
        share(hits, truth),
        share(hits, shown),
        share(truth, np.full(len(classes), truth.sum())),
    )
    numbers = ((100 * column).tolist() for column in columns)
    return list(map(ClassRow, classes, *numbers, photos.tolist()))


def total_confusion(records: Sequence[PhotoRecord], classes: int) -> NDArray[np.int64]:
    """The confusion matrix of the set: (C, C + 1) pixels, truth in rows, "don't know" in the last column.

    Example:
        >>> total_confusion([PhotoRecord("a", {"confusion": [(0, 1, 4)]})] * 2, 1).tolist()
        [[0, 8]]
    """
    return matrix_of_cells([cell for cells in _counts(records, "confusion") for cell in cells], classes)


def row_shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """A confusion matrix (C, C + 1), each row in percent of its sum; NaN for a class that is in no truth.

    Example:
        >>> row_shares(np.array([[3, 1, 0], [0, 0, 0]])).tolist()
        [[75.0, 25.0, 0.0], [nan, nan, nan]]
    """
    return 100 * share(matrix, np.broadcast_to(matrix.sum(axis=1, keepdims=True), matrix.shape))


def mixups(matrix: NDArray[np.int64], classes: Sequence[str], *, count: int = 10, least: float = 1.0) -> list[Mixup]:
    """The largest mix-ups of one class with another, largest first: at most `count`, each of at least `least` percent.

    Example:
        >>> mixups(np.array([[3, 1, 0], [0, 5, 0]]), ["chair", "sofa"])
        [Mixup(truth='chair', prediction='sofa', share=25.0)]
    """
    shares = row_shares(matrix)
    found = [Mixup(classes[i], classes[j], float(shares[i, j])) for i, j in _mistakes(matrix)[:count]]
    return [mixup for mixup in found if mixup.share >= least]


def most_confused(matrix: NDArray[np.int64], count: int) -> list[int]:
    """The `count` classes between which the largest mix-ups are, as sorted indices; all classes if there are fewer.

    Example:
        >>> most_confused(np.array([[5, 0, 0, 0], [0, 5, 1, 0], [0, 0, 5, 0]]), 2)
        [1, 2]
    """
    ends = [label for pair in _mistakes(matrix) for label in pair]
    return sorted(list(dict.fromkeys([*ends, *range(len(matrix))]))[:count])


def reliability(records: Sequence[PhotoRecord]) -> list[Reliability]:
    """How often pixels are right, by bins of their confidence; empty bins are left out.

    Example:
        >>> reliability([PhotoRecord("a", {"calibration": [(14, 4, 3.9, 3)]})])[0].accuracy
        75.0
    """
    pixels, right = np.zeros(BINS), np.zeros(BINS)
    for index, count, _, hits in (entry for bins in _counts(records, "calibration") for entry in bins):
        pixels[index] += count
        right[index] += hits
    edges = np.linspace(0, 100, BINS + 1)
    columns = np.stack([edges[:-1], edges[1:], 100 * share(right, pixels), 100 * pixels / max(1, pixels.sum())], axis=1)
    return [Reliability(*row) for row in columns[pixels > 0].tolist()]


def photo_ious(records: Sequence[PhotoRecord], classes: int) -> dict[str, float]:
    """MIoU of each photo over the classes in its truth; NaN where no pixel counts.

    It serves to find photos and not to report: the mean over photos is not the mIoU of the set.

    Example:
        >>> photo_ious([PhotoRecord("a", {"confusion": [(0, 0, 3), (1, 0, 1), (1, 1, 1)]})], 3)
        {'a': 62.5}
    """
    ious = ((record, iou(matrix_of_cells(record.counts["confusion"], classes))) for record in records)
    return {record.name: 100 * class_mean(values[_true(record)]) for record, values in ious}


def by_iou(records: Sequence[PhotoRecord], classes: int) -> list[str]:
    """The names of the photos, lowest mIoU first; photos without a pixel that counts are left out.

    Example:
        >>> photos = {"a": [(0, 0, 9)], "b": [(0, 1, 9)]}
        >>> by_iou([PhotoRecord(name, {"confusion": cells}) for name, cells in photos.items()], 2)
        ['b', 'a']
    """
    measured = {name: value for name, value in photo_ious(records, classes).items() if not math.isnan(value)}
    return sorted(measured, key=lambda name: measured[name])


def _counts(records: Sequence[PhotoRecord], name: str) -> list[list[Any]]:
    """What was counted under a name on each photo; nothing where it was not counted."""
    return [record.counts.get(name, []) for record in records]


def _true(record: PhotoRecord) -> list[int]:
    return sorted({truth for truth, _, _ in record.counts["confusion"]})


def _mistakes(matrix: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs (truth, prediction) of different classes that were mixed up, by their share of the true class."""
    shares = np.nan_to_num(row_shares(matrix)[:, :-1])
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[: np.count_nonzero(shares)]
    truth, shown = np.unravel_index(order, shares.shape)
    return list(zip(truth.tolist(), shown.tolist(), strict=True))
