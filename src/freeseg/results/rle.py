"""COCO's compressed run-length encoding (RLE) of a binary mask, without pycocotools.

The mask is read column by column, as runs of zeros and ones in turn, beginning with zeros. The length of each run (from
the fourth run on, its difference from the run two before it) is written in groups of 5 bits, the lowest first. A group
becomes one printable character: bit 6 says whether more groups follow, and 48 is added. Source: `rleToString` in
https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c. `pycocotools.mask.decode` reads the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

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
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate(([0], changes, [pixels.size]))
    runs: list[int] = np.diff(edges).tolist()
    if pixels[0]:
        runs.insert(0, 0)  # the first run is always of zeros
    height, width = mask.shape
    return {"size": [height, width], "counts": _compress(runs)}


def _compress(runs: Sequence[int]) -> str:
    characters = bytearray()
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            # Bit 5 of the last group is the sign: stop only when what is left is that sign repeated.
            more = value != (-1 if group & 0x10 else 0)
            characters.append(group + (0x20 if more else 0) + 48)
    return characters.decode("ascii")
