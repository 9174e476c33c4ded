"""Boundary IoU: how well the borders of masks agree (Cheng et al. 2021, arXiv 2103.16562)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freeseg.evaluation.metrics.bootstrap import Weights, stack, weighted_sums
from freeseg.evaluation.metrics.confusion import CONFUSION, check_masks, share
from freeseg.evaluation.metrics.metric import Counts, Metric, PredictedPhoto, Tally
from freeseg.mask_values import IGNORE


def boundary_counts(
    prediction: NDArray[np.integer], truth: NDArray[np.integer], classes: int, ratio: float = 0.02
) -> list[tuple[int, int, int]]:
    """Intersection and union of the boundary bands of each class in one photo.

    A class's band is its pixels that d erosions by 3 x 3 pixels take away, d = ratio * diagonal, at least 1; beyond
    the photo's border there is nothing, so the border is a contour. (The authors' `mask_to_boundary`.) Pixels that
    are 255 in the truth belong to no class on either side, as for mIoU: masks that agree on all other pixels
    have a boundary IoU of 1, and the edge of what does not count is a contour like the photo's border. So where
    such a rim lies around things, as in VOC, masks a little too large are judged more mildly than too small ones.

    Args:
        prediction: (H, W) class indices, 255 = "don't know".
        truth: (H, W) class indices, 255 = does not count.
        classes: How many classes.
        ratio: Width of the band as a share of the photo's diagonal.

    Returns:
        (class, pixels in both bands, pixels in either band) for each class that has a band, in order.

    Raises:
        ValueError: The shapes differ, or an index is neither a class nor 255.

    Example:
        >>> boundary_counts(np.array([[0, 0, 1]]), np.array([[0, 1, 1]]), 2)
        [(0, 1, 2), (1, 1, 2)]
    """
    check_masks(prediction, truth, classes)
    width = max(1, round(ratio * math.hypot(*truth.shape)))
    unknown = truth == IGNORE
    predicted = _bands(prediction, unknown | (prediction == IGNORE), width, classes)
    true = _bands(truth, unknown, width, classes)
    both = np.bincount(true[true == predicted], minlength=classes + 1)
    each = (np.bincount(bands.ravel(), minlength=classes + 1) for bands in (predicted, true))
    either = sum(each) - both
    found = np.flatnonzero(either[:classes])
    return list(zip(found.tolist(), both[found].tolist(), either[found].tolist(), strict=True))


def boundary_iou(totals: NDArray[np.int64]) -> NDArray[np.float64]:
    """Boundary IoU per class (C,), in [0, 1], from intersections and unions (C, 2) summed over photos.

    NaN for a class in neither truth nor prediction. Pooled over the set as IoU is; the paper's own use is per object.

    Example:
        >>> boundary_iou(np.array([[1, 4], [0, 0]])).tolist()
        [0.25, nan]
    """
    return share(totals[:, 0], totals[:, 1])


def pooled_boundary(
    photos: Sequence[Sequence[tuple[int, int, int]]], classes: int
) -> Callable[[Weights], NDArray[np.float64]]:
    """Weights -> boundary IoU per class (classes,) of a draw, from each photo's (class, intersection, union).

    Raises:
        ValueError: A class is not one of `classes`.

    Example:
        >>> pooled_boundary([[(0, 1, 4)], [(0, 2, 2)]], classes=2)(np.array([1, 1])).tolist()
        [0.5, nan]
    """
    rows, table = stack(photos, 3, np.int64)
    sums = weighted_sums(rows, table[:, 0], table[:, 1:], shape=(len(photos), classes))
    return lambda weights: boundary_iou(sums(weights))


def _bands(mask: NDArray[np.integer], outside: NDArray[np.bool_], width: int, nobody: int) -> NDArray[np.int64]:
    """The mask with `nobody` outside of all bands: further than `width` from any other class and the border.

    d erosions by 3 x 3 are one by a square of 2d + 1, and a square that is not all one class takes its centre
    away from its class: one minimum and one maximum serve all classes at once.
    """
    from scipy import ndimage  # not at the top: training counts confusions without the extra that brings scipy

    indices = np.where(outside, nobody, mask.astype(np.int64))
    lowest = ndimage.minimum_filter(indices, 2 * width + 1, mode="constant", cval=-1)
    highest = ndimage.maximum_filter(indices, 2 * width + 1, mode="constant", cval=-1)
    return np.where(lowest != highest, indices, nobody)


def _count(photo: PredictedPhoto) -> dict[str, Any]:
    return {"boundary": boundary_counts(photo.prediction.mask, photo.truth, photo.classes)}


def _pool(photos: Sequence[Counts], classes: int) -> Callable[[Weights], NDArray[np.float64]]:
    return pooled_boundary([counts["boundary"] for counts in photos], classes)


def _parse(bands: Any) -> list[tuple[int, int, int]]:
    return [(int(label), int(both), int(either)) for label, both, either in bands]


# Of each photo: (class, intersection, union) of the bands in pixels, for classes that have a band.
BOUNDARY = Tally({"boundary": _parse}, _count, _pool)
BOUNDARY_IOU = Metric(
    "boundary IoU",
    "IoU of the bands along outlines, mean over classes",
    (CONFUSION, BOUNDARY),
    lambda confusion, boundary: confusion.known_mean(boundary),
)
