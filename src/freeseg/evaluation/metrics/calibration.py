"""Calibration: whether pixels of a given confidence are right that often (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freeseg.evaluation.metrics.bootstrap import Weights, stack, weighted_sums
from freeseg.evaluation.metrics.confusion import share
from freeseg.evaluation.metrics.metric import Counts, Metric, PredictedPhoto, Tally
from freeseg.mask_values import IGNORE

BINS = 15  # as in the paper

Bin = tuple[int, int, float, int]  # (bin, pixels, sum of their confidences, pixels that are right)


def bin_confidence(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """Pixels by confidence, in bins of equal width; bin m is (m / bins, (m + 1) / bins], the first from 0 on.

    Args:
        confidence: The probability of each pixel's answer, in [0, 1], any shape. Give only pixels that have an answer
            and a truth: "don't know" is neither right nor wrong.
        right: Whether the answer is right, the same shape.
        bins: How many.

    Returns:
        (bin, pixels, sum of their confidences, pixels that are right) for each bin that is not empty, in order.

    Raises:
        ValueError: The shapes differ, or a confidence is not in [0, 1].

    Example:
        >>> bin_confidence(np.array([0.5, 0.25, 0.75]), np.array([True, False, True]), bins=2)
        [(0, 2, 0.75, 1), (1, 1, 0.75, 1)]
    """
    if confidence.shape != right.shape:
        raise ValueError(f"confidence {confidence.shape} and right {right.shape} differ in shape")
    values, hits = confidence.ravel(), right.ravel()
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a confidence is not in [0, 1]")
    index = np.digitize(values, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    pixels = np.bincount(index, minlength=bins)
    sums, rights = np.bincount(index, values, bins), np.bincount(index[hits], minlength=bins)
    found = np.flatnonzero(pixels)
    columns = (found, pixels[found], sums[found], rights[found])
    return list(zip(*(column.tolist() for column in columns), strict=True))


def expected_calibration_error(bins: Iterable[Bin]) -> float:
    """Expected Calibration Error, in [0, 1]: the mean over pixels of |accuracy - mean confidence| of their bin.

    Equation 3 of the paper. Bins of several photos may be given one after another; equal bins add up.

    Returns:
        NaN without pixels.

    Example:
        >>> expected_calibration_error([(0, 2, 0.75, 1), (1, 1, 0.75, 1), (1, 1, 0.75, 1)])
        0.1875
    """
    pixels, gaps = 0, dict[int, float]()
    for index, count, confidence, hits in bins:
        pixels += count
        gaps[index] = gaps.get(index, 0.0) + hits - confidence
    return float(share(sum(abs(gap) for gap in gaps.values()), pixels))


def pooled_calibration(photos: Sequence[Sequence[Bin]], bins: int = BINS) -> Callable[[Weights], float]:
    """Weights -> Expected Calibration Error of a draw, in [0, 1], from each photo's bins.

    Raises:
        ValueError: A bin is not one of `bins`.

    Example:
        >>> pooled_calibration([[(0, 2, 1.0, 2)], [(0, 2, 1.0, 0)]])(np.array([1, 1]))
        0.0
    """
    rows, table = stack(photos, 4, np.float64)
    sums = weighted_sums(rows, table[:, 0].astype(np.int64), table[:, 1:], shape=(len(photos), bins))
    return lambda weights: expected_calibration_error((index, *row) for index, row in enumerate(sums(weights).tolist()))


def _count(photo: PredictedPhoto) -> dict[str, Any]:
    mask, truth = photo.prediction.mask, photo.truth
    sure = (truth != IGNORE) & (mask != IGNORE)
    return {"calibration": bin_confidence(photo.prediction.confidence[sure], (mask == truth)[sure])}


def _pool(photos: Sequence[Counts], classes: int) -> Callable[[Weights], float]:
    return pooled_calibration([counts["calibration"] for counts in photos])


def _parse(bins: Any) -> list[Bin]:
    return [(int(index), int(pixels), float(total), int(hits)) for index, pixels, total, hits in bins]


# Of each photo: pixels by confidence, as `bin_confidence` gives them.
CALIBRATION = Tally({"calibration": _parse}, _count, _pool)
ECE = Metric(
    "ECE",
    "gap between confidence and being right; less is better",
    (CALIBRATION,),
    float,
    higher_is_better=False,
)
