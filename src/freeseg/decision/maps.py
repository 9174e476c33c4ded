"""Similarity maps as arrays: smoothing, aliases, scaling for display, resizing.

Pure functions on float32 arrays (N, h, w), used by every engine. What makes similarity maps from patches, with
gradients for training, is in `freeseg.decision.itsm`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
EPSILON = 1e-6


def smooth(maps: Maps, kernel: int) -> Maps:
    """The mean over kernel x kernel neighbours; at the border over those neighbours that exist.

    Args:
        maps: (N, h, w).
        kernel: Odd; 1 changes nothing.

    Example:
        >>> smooth(np.array([[[0.0, 3.0, 6.0]]], np.float32), 3).tolist()
        [[[1.5, 3.0, 4.5]]]
    """
    if kernel == 1:
        return maps
    return _mean_of_neighbours(_mean_of_neighbours(maps, kernel, axis=1), kernel, axis=2)


def _mean_of_neighbours(maps: Maps, kernel: int, axis: int) -> Maps:
    """The mean over `kernel` neighbours along one axis."""
    length, reach = maps.shape[axis], kernel // 2
    total, count = maps.copy(), np.ones(length, np.float32)
    for step in range(1, min(reach, length - 1) + 1):
        near, far = [slice(None)] * 3, [slice(None)] * 3
        near[axis], far[axis] = slice(None, -step), slice(step, None)
        total[tuple(near)] += maps[tuple(far)]
        total[tuple(far)] += maps[tuple(near)]
        count[:-step] += 1
        count[step:] += 1
    total /= count[:, None] if axis == 1 else count
    return total


def merge_aliases(maps: Maps, label_of_alias: NDArray[np.int64]) -> Maps:
    """The map of a label is the maximum over the maps of its aliases.

    Args:
        maps: Maps of all aliases (A, ...), label by label.
        label_of_alias: The label of each alias (A,), ascending from 0, none left out.

    Returns:
        Maps of the labels (N, ...).

    Example:
        >>> merge_aliases(np.array([0.1, 0.7, 0.3], np.float32), np.array([0, 0, 1])).tolist()
        [0.699999988079071, 0.30000001192092896]
    """
    first = np.flatnonzero(np.diff(label_of_alias, prepend=-1))
    if len(first) == len(maps):  # one alias each: nothing to merge
        return maps
    merged: Maps = np.maximum.reduceat(maps, first, axis=0)
    return merged


def remove_redundancy(maps: Maps, image: NDArray[np.float32], sharpness: float = 2.0) -> Maps:
    """What is common to all labels is taken out of their maps (CLIP Surgery's feature surgery).

    `S[n,p] = w_n cos(p,n) - mean over m of w_m cos(p,m)`, with `w_n = N softmax(sharpness image)_n`. CLIP Surgery
    subtracts, for each patch, label and channel, the weighted product of patch and text averaged over labels, and
    sums over channels (arXiv 2304.05653, feature surgery; `clip_feature_surgery` of its authors' code). The sum goes
    into the average, so cosines suffice: the same numbers without an array of patches x labels x channels.

    The maps are no longer cosines. At each patch they sum to 0 over the labels, so a lone label's map is all 0.

    Args:
        maps: Cosines of patches with labels (N, h, w).
        image: Cosines of the whole image's embedding with the same labels (N,): labels that the image is full of
            weigh more.
        sharpness: The factor before the softmax; 2 in the authors' code.

    Returns:
        Maps (N, h, w).

    Raises:
        ValueError: The cosines are not of the same labels.

    Example:
        >>> maps = np.array([[[0.75, 0.5]], [[0.25, 0.5]]], np.float32)
        >>> remove_redundancy(maps, np.zeros(2, np.float32)).tolist()
        [[[0.25, 0.0]], [[-0.25, 0.0]]]
    """
    if maps.ndim != 3 or image.shape != maps.shape[:1]:
        raise ValueError(
            f"maps {maps.shape} and image cosines {image.shape} do not match; they must be (N, h, w) and (N,)"
        )
    weights = len(maps) * softmax(sharpness * image)
    weighted = maps * weights[:, None, None]
    return np.asarray(weighted - weighted.mean(axis=0), np.float32)


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the first axis, without overflow.

    Example:
        >>> softmax(np.zeros((2, 1), np.float32)).tolist()
        [[0.5], [0.5]]
    """
    shifted = np.exp(scores - scores.max(axis=0))
    return np.asarray(shifted / shifted.sum(axis=0), np.float32)


def minmax(maps: Maps) -> Maps:
    """Min-max of each map, for display and mSC only.

    Never decide with it: every label reaches 1.0 in every image, present or not.

    Args:
        maps: (N, h, w).

    Returns:
        (N, h, w) in [0, 1]; a constant map becomes 0.

    Example:
        >>> minmax(np.array([[[0.25, 0.75, 0.5]]], np.float32)).tolist()
        [[[0.0, 1.0, 0.5]]]
    """
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return np.asarray((maps - low) / np.maximum(high - low, EPSILON), np.float32)


def upsample(maps: Maps, size: tuple[int, int]) -> Maps:
    """Bilinear resize of maps (N, h, w) to (N, *size), size as (height, width), corners not aligned.

    Example:
        >>> upsample(np.ones((1, 2, 2), np.float32), (5, 7)).shape
        (1, 5, 7)
    """
    return lerp_rows(widen(maps, size[1]), Sources.of(maps.shape[1], size[0]))


class Sources:
    """Between which two cells of an axis each cell of the resized axis lies, and how far along.

    Corners are not aligned: cell i of `new` covers the cells `i * old / new` to `(i + 1) * old / new`, and its value is
    read at the middle of that, between the middles of the old cells.
    """

    def __init__(self, first: NDArray[np.int64], second: NDArray[np.int64], share: NDArray[np.float32]):
        self.first, self.second, self.share = first, second, share

    @classmethod
    def of(cls, old: int, new: int) -> Sources:
        """The sources of an axis of `old` cells that gets `new` ones."""
        return cls.at((np.arange(new) + 0.5) * (old / new), old)

    @classmethod
    def at(cls, places: NDArray[np.floating], old: int) -> Sources:
        """The sources of what is read at some places of an axis: 0 is where its first cell begins, `old` its end."""
        place = np.maximum(places - 0.5, 0)
        first = np.minimum(place.astype(np.int64), old - 1)
        return cls(first, np.minimum(first + 1, old - 1), (place - first).astype(np.float32))

    def __getitem__(self, part: slice) -> Sources:
        return Sources(self.first[part], self.second[part], self.share[part])


def widen(maps: Maps, width: int) -> Maps:
    """Bilinear resize of the last axis of maps (N, h, w) to `width`."""
    return lerp_columns(maps, Sources.of(maps.shape[2], width))


def lerp_columns(maps: Maps, source: Sources) -> Maps:
    """Columns of maps (N, h, w) at the places of `source`."""
    return _lerp(maps[:, :, source.first], maps[:, :, source.second], source.share)


def lerp_rows(maps: Maps, source: Sources) -> Maps:
    """Rows of maps (N, h, w) at the places of `source`."""
    return _lerp(maps[:, source.first], maps[:, source.second], source.share[:, None])


def _lerp(start: Maps, end: Maps, share: NDArray[np.float32]) -> Maps:
    """`start + share * (end - start)`, in the memory of `end`, which is a copy."""
    end -= start
    end *= share
    end += start
    return end


def area_average(picture: NDArray[np.uint8], size: tuple[int, int]) -> Maps:
    """A picture (H, W, C) in 0..255 made smaller: (C, *size) in [0, 1], each cell the mean of the pixels it touches.

    Example:
        >>> area_average(np.array([[[0], [255], [255], [255]]], np.uint8), (1, 2)).tolist()
        [[[0.5, 1.0]]]
    """
    height, width = picture.shape[:2]
    rows = _means_of_cells(picture.reshape(height, -1), size[0], np.uint32)
    columns = np.ascontiguousarray(rows.reshape(size[0], width, -1).swapaxes(0, 1)).reshape(width, -1)
    cells = _means_of_cells(columns, size[1], np.float64).reshape(size[1], size[0], -1)
    return np.ascontiguousarray(cells.transpose(2, 1, 0)) / np.float32(255)


def _means_of_cells(values: NDArray[Any], count: int, dtype: type) -> NDArray[np.float32]:
    """The mean over each of `count` cells of the first axis of (n, m); what two cells touch counts in both.

    Args:
        values: Integers, or means of integers.
        count: How many cells.
        dtype: In which the values are added up, without rounding: so no order of adding gives another sum.
    """
    start = np.arange(count) * len(values) // count
    end = -(-(np.arange(1, count + 1) * len(values)) // count)
    sums = [values[first:last].sum(axis=0, dtype=dtype) for first, last in zip(start, end, strict=True)]
    return np.asarray(np.stack(sums) / (end - start)[:, None], np.float32)
