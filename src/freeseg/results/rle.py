"""COCO's compressed run-length encoding (RLE) of a binary mask, without pycocotools.

The mask is read column by column, as runs of zeros and ones in turn, beginning with zeros. The length of each run (from
the fourth run on, its difference from the run two before it) is written in groups of 5 bits, the lowest first. A group
becomes one printable character: bit 6 says whether more groups follow, and 48 is added. Source: `rleToString` in
https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c. `pycocotools.mask.decode` reads the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt


class Rle(TypedDict):
    """A mask as COCO's JSON has it: `size` is [height, width], `counts` the compressed runs."""

    size: list[int]
    counts: str


def encode(mask: npt.NDArray[np.bool_]) -> Rle:
    """Encode a mask, byte for byte as `pycocotools.mask.encode` does.

    Args:
        mask: (H, W) bool, at least one pixel.

    Raises:
        ValueError: The mask is not a 2-D bool array with at least one pixel.

    Example:
        >>> encode(np.array([[False, True], [False, True]]))
        {'size': [2, 2], 'counts': '22'}
    """
    if mask.ndim != 2 or mask.dtype != np.bool_ or mask.size == 0:
        raise ValueError(f"a mask is (H, W) bool with at least one pixel, not {mask.shape} {mask.dtype}")
    return encode_values(mask, [1])[0]


def encode_values(mask: npt.NDArray[Any], values: Sequence[int]) -> list[Rle]:
    """Encode where a mask has each of several values: what `encode(mask == value)` gives, in one pass for all of them.

    Args:
        mask: (H, W) integers or bool, at least one pixel.
        values: Different values.

    Example:
        >>> [rle["counts"] for rle in encode_values(np.array([[0, 7], [0, 7]], np.uint8), [7, 0])]
        ['22', '022']
    """
    column_by_column = np.ascontiguousarray(mask.T).ravel()
    ends = np.append(np.flatnonzero(column_by_column[1:] != column_by_column[:-1]) + 1, mask.size)
    starts = np.append(0, ends[:-1])
    value_of_run = column_by_column[starts]
    order = np.argsort(value_of_run, kind="stable")  # the runs of each value, one value after another
    first = np.searchsorted(value_of_run, values, "left", sorter=order)
    last = np.searchsorted(value_of_run, values, "right", sorter=order)
    runs = []
    for place, end in zip(first.tolist(), last.tolist(), strict=True):
        own = order[place:end]
        edges = np.column_stack([starts[own], ends[own]]).ravel()  # where ones begin and end
        lengths = np.diff(edges, prepend=0, append=mask.size)
        runs.append(lengths if lengths[-1] else lengths[:-1])  # only the first run, of zeros, may be empty
    height, width = mask.shape
    return [{"size": [height, width], "counts": counts} for counts in _compress(runs)]


def _compress(runs: Sequence[npt.NDArray[np.int64]]) -> list[str]:
    """The characters of the runs of each mask."""
    written = [np.append(each[:3], each[3:] - each[1:-2]) for each in runs]
    left = np.concatenate([*written, np.zeros(0, np.int64)])
    groups: list[npt.NDArray[np.uint8]] = []
    unfinished = np.ones(len(left), np.bool_)
    while unfinished.any():
        group = left & 0x1F
        left = left >> 5
        # Bit 5 of the last group is the sign: stop only when what is left is that sign repeated.
        more = unfinished & (left != np.where(group & 0x10, -1, 0))
        groups.append(np.where(unfinished, group + 0x20 * more + 48, 0).astype(np.uint8))
        unfinished = more
    characters = np.stack(groups, axis=1) if groups else np.zeros((0, 1), np.uint8)
    text = characters[characters != 0].tobytes().decode("ascii")  # 0 where a run has no more groups
    ends = np.append(0, np.cumsum(np.count_nonzero(characters, axis=1)))
    bounds = ends[np.append(0, np.cumsum([len(each) for each in runs], dtype=np.int64))]
    return [text[start:end] for start, end in pairwise(bounds.tolist())]
