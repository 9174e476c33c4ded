"""How far a number would move with other photos: the bootstrap over photos (Efron 1979), percentile intervals.

The numbers of segmentation are functions of sums over photos. So a draw of photos is a weight per photo, how often it
was drawn, and the `pooled` functions give the sums under any weights by one sparse product: no photo is copied.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from freeseg.evaluation.metrics.boundary import boundary_iou
from freeseg.evaluation.metrics.calibration import BINS, Bin, expected_error
from freeseg.evaluation.metrics.confusion import Cell, cells, f1, presence_counts, share

ROUNDS = 1000
PERCENTILES = (2.5, 97.5)

Weights = NDArray[np.int64]  # (photos,), how often each is drawn
Number = TypeVar("Number", np.int64, np.float64)


class Interval(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


def draws(photos: int, seed: int = 0, rounds: int = ROUNDS) -> Iterator[Weights]:
    """Draws of as many photos as there are, with replacement: (photos,) weights that sum to `photos`, per round.

    Example:
        >>> [weights.sum().item() for weights in draws(4, rounds=2)]
        [4, 4]
    """
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.bincount(random.integers(photos, size=photos), minlength=photos)


def intervals(
    statistics: Callable[[Weights], ArrayLike], photos: int, seed: int = 0, rounds: int = ROUNDS
) -> list[Interval]:
    """95 % percentile intervals of several numbers, from the same draws of photos.

    Args:
        statistics: Weights (photos,) -> K numbers. What several of them need is computed once per draw.
        photos: How many there are.
        seed: Of the draws; equal seeds give equal draws.
        rounds: How often to draw.

    Returns:
        K intervals; the value is that of all photos, each once. A draw in which a number is NaN (a class that was
        not drawn) does not count for it; the interval is NaN if all are.

    Raises:
        ValueError: There are no photos.

    Example:
        >>> heights = np.array([1.0, 2.0, 3.0])
        >>> mean, most = intervals(lambda weights: [weights @ heights / 3, heights[weights > 0].max()], photos=3)
        >>> mean.value, most
        (2.0, Interval(value=3.0, low=1.0, high=3.0))
    """
    if photos < 1:
        raise ValueError("there are no photos to draw from")
    values = np.asarray(statistics(np.ones(photos, np.int64)), np.float64)
    drawn = np.array([statistics(weights) for weights in draws(photos, seed, rounds)], np.float64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        low, high = np.nanpercentile(drawn, PERCENTILES, axis=0)
    return [Interval(*numbers) for numbers in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)]


def interval(statistic: Callable[[Weights], float], photos: int, seed: int = 0, rounds: int = ROUNDS) -> Interval:
    """The 95 % percentile interval of one number; see `intervals`.

    Example:
        >>> interval(lambda weights: weights @ np.array([0.5, 0.5]) / 2, photos=2)
        Interval(value=0.5, low=0.5, high=0.5)
    """
    return intervals(lambda weights: [statistic(weights)], photos, seed, rounds)[0]


def paired(
    first: Callable[[Weights], float],
    second: Callable[[Weights], float],
    photos: int,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> Interval:
    """The interval of the difference second - first on the same photos, each draw serving both.

    Narrower than the two intervals suggest: a hard photo is hard for both.

    Example:
        >>> noise = np.array([0.0, 9.0])
        >>> paired(lambda weights: weights @ noise, lambda weights: weights @ (noise + 0.5), photos=2)
        Interval(value=1.0, low=1.0, high=1.0)
    """
    return interval(lambda weights: second(weights) - first(weights), photos, seed, rounds)


def pooled(confusions: Sequence[Sequence[Cell]], classes: int) -> Callable[[Weights], NDArray[np.int64]]:
    """Weights -> the confusion matrix (classes, classes + 1) of a draw, from the cells of each photo's.

    Raises:
        ValueError: A cell lies outside the matrix.

    Example:
        >>> pooled([[(0, 0, 3)], [(1, 0, 2)]], classes=2)(np.array([2, 1])).tolist()
        [[6, 0, 0], [2, 0, 0]]
    """
    photos, table = _stack(confusions, 3, np.int64)
    totals = _totals(photos, cells(table, classes), table[:, 2:], (len(confusions), classes * (classes + 1)))
    return lambda weights: totals(weights).reshape(classes, classes + 1)


def pooled_boundary(
    boundaries: Sequence[Sequence[tuple[int, int, int]]], classes: int
) -> Callable[[Weights], NDArray[np.float64]]:
    """Weights -> boundary IoU per class (classes,) of a draw, from each photo's (class, intersection, union).

    Example:
        >>> pooled_boundary([[(0, 1, 4)], [(0, 2, 2)]], classes=2)(np.array([1, 1])).tolist()
        [0.5, nan]
    """
    photos, table = _stack(boundaries, 3, np.int64)
    totals = _totals(photos, table[:, 0], table[:, 1:], (len(boundaries), classes))
    return lambda weights: boundary_iou(totals(weights))


def pooled_contrast(contrasts: Sequence[Mapping[int, float]]) -> Callable[[Weights], float]:
    """Weights -> mSC of a draw, in [-100, 100]: the mean over all terms of all photos drawn.

    Example:
        >>> pooled_contrast([{1: 10.0, 2: 20.0}, {1: 60.0}, {}])(np.array([1, 1, 1]))
        30.0
    """
    sums = np.array([sum(terms.values()) for terms in contrasts], np.float64)
    numbers = np.array([len(terms) for terms in contrasts])
    return lambda weights: float(share(weights @ sums, weights @ numbers))


def pooled_presence(shown: Sequence[Collection[int]], there: Sequence[Collection[int]]) -> Callable[[Weights], float]:
    """Weights -> presence F1 of a draw, in [0, 1]; see `metrics.presence_f1`.

    Example:
        >>> pooled_presence([[1], [2]], [[1], [3]])(np.array([2, 0]))
        1.0
    """
    counts = presence_counts(shown, there)
    return lambda weights: f1(*(weights @ counts).tolist())


def pooled_calibration(calibrations: Sequence[Sequence[Bin]], bins: int = BINS) -> Callable[[Weights], float]:
    """Weights -> Expected Calibration Error of a draw, in [0, 1], from each photo's bins.

    Example:
        >>> pooled_calibration([[(0, 2, 1.0, 2)], [(0, 2, 1.0, 0)]])(np.array([1, 1]))
        0.0
    """
    photos, table = _stack(calibrations, 4, np.float64)
    totals = _totals(photos, table[:, 0].astype(np.int64), table[:, 1:], (len(calibrations), bins))
    return lambda weights: expected_error((index, *row) for index, row in enumerate(totals(weights).tolist()))


def _stack(
    tables: Sequence[Sequence[Sequence[float]]], columns: int, dtype: type[Number]
) -> tuple[NDArray[np.int64], NDArray[Number]]:
    """The photos' tables one below the other (n, columns), and the photo of each row (n,)."""
    photos = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    return photos, np.array([row for table in tables for row in table], dtype).reshape(-1, columns)


def _totals(
    photos: NDArray[np.int64], index: NDArray[np.int64], values: NDArray[Number], shape: tuple[int, int]
) -> Callable[[Weights], NDArray[Number]]:
    """Weights -> sums (indices, k) of the rows of values (n, k) by index; shape: how many photos and indices."""
    kinds = values.shape[1]
    rows = (index[:, None] * kinds + np.arange(kinds)).ravel()
    # A row per sum, not per photo: the product then writes each sum once, in order.
    counts = csr_array((values.ravel(), (rows, photos.repeat(kinds))), shape=(shape[1] * kinds, shape[0]))
    return lambda weights: np.asarray(counts @ weights).reshape(shape[1], kinds)
