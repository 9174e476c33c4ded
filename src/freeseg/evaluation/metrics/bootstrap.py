"""How far a number would move with other photos: the bootstrap over photos (Efron 1979), percentile intervals.

The metrics of segmentation are functions of sums over photos. So a draw of photos is a weight per photo, how often it
was drawn, and `weighted_sums` gives the sums under any weights by one sparse product: no photo is copied.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDS = 1000
PERCENTILES = (2.5, 97.5)

Weights = NDArray[np.int64]  # (photos,), how often each is drawn
Number = TypeVar("Number", np.int64, np.float64)


class Interval(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


def draws(photos: int, *, seed: int = 0, rounds: int = ROUNDS) -> Iterator[Weights]:
    """Draws of as many photos as there are, with replacement: (photos,) weights that sum to `photos`, per round.

    Example:
        >>> [weights.sum().item() for weights in draws(4, rounds=2)]
        [4, 4]
    """
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.bincount(random.integers(photos, size=photos), minlength=photos)


def intervals(
    statistics: Callable[[Weights], ArrayLike], photos: int, *, seed: int = 0, rounds: int = ROUNDS
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
    drawn = np.array([statistics(weights) for weights in draws(photos, seed=seed, rounds=rounds)], np.float64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        low, high = np.nanpercentile(drawn, PERCENTILES, axis=0)
    return [Interval(*numbers) for numbers in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)]


def interval(statistic: Callable[[Weights], float], photos: int, *, seed: int = 0, rounds: int = ROUNDS) -> Interval:
    """The 95 % percentile interval of one number; see `intervals`.

    Example:
        >>> interval(lambda weights: weights @ np.array([0.5, 0.5]) / 2, photos=2)
        Interval(value=0.5, low=0.5, high=0.5)
    """
    return intervals(lambda weights: [statistic(weights)], photos, seed=seed, rounds=rounds)[0]


def paired(
    first: Callable[[Weights], float],
    second: Callable[[Weights], float],
    photos: int,
    *,
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
    return interval(lambda weights: second(weights) - first(weights), photos, seed=seed, rounds=rounds)


def stack(
    tables: Sequence[Sequence[Sequence[float]]], columns: int, dtype: type[Number]
) -> tuple[NDArray[np.int64], NDArray[Number]]:
    """The tables of all photos one below the other (n, columns), and the photo of each row (n,).

    Example:
        >>> photos, rows = stack([[(1, 5)], [], [(2, 6), (3, 7)]], 2, np.int64)
        >>> photos.tolist(), rows.tolist()
        ([0, 2, 2], [[1, 5], [2, 6], [3, 7]])
    """
    photos = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    return photos, np.array([row for table in tables for row in table], dtype).reshape(-1, columns)


def weighted_sums(
    photos: NDArray[np.int64], index: NDArray[np.int64], values: NDArray[Number], *, shape: tuple[int, int]
) -> Callable[[Weights], NDArray[Number]]:
    """Weights (photos,) -> sums of rows by index, each row as often as the weight of its photo says.

    Args:
        photos: The photo of each row (n,).
        index: The index of each row (n,).
        values: The rows (n, k).
        shape: How many photos and how many indices there are.

    Returns:
        A function that gives sums (indices, k).

    Raises:
        ValueError: A photo or an index lies outside the shape.

    Example:
        >>> sums = weighted_sums(np.array([0, 1]), np.array([1, 1]), np.array([[5], [7]]), shape=(2, 2))
        >>> sums(np.array([1, 2])).tolist()
        [[0], [19]]
    """
    from scipy.sparse import csr_array  # training counts confusions without the extra that brings scipy

    columns = values.shape[1]
    rows = (index[:, None] * columns + np.arange(columns)).ravel()
    # A row of the sparse matrix per sum, not per photo: the product then writes each sum once, in order.
    counts = csr_array((values.ravel(), (rows, photos.repeat(columns))), shape=(shape[1] * columns, shape[0]))
    return lambda weights: np.asarray(counts @ weights).reshape(shape[1], columns)
