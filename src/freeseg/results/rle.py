"""COCO's compressed run-length encoding (RLE) of a binary mask, without pycocotools.

The mask is read column by column, as runs of zeros and ones in turn, zeros first. Each run length, from the
fourth on as its difference from the run two before it, becomes groups of 5 bits, lowest first, one printable
character a group: bit 6 says that more follow, 48 is added. Source: `rleToString` and `rleFrString` in
https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate(([0], changes, [pixels.size]))
    runs: list[int] = np.diff(edges).tolist()
    if pixels[0]:
        runs.insert(0, 0)  # the first run is always of zeros
    height, width = mask.shape
    return {"size": [height, width], "counts": _compress(runs)}


def decode(rle: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """The mask of an RLE, as a (H, W) bool array.

    Args:
        rle: `size` [height, width] and `counts`, a str or bytes of compressed runs.

    Raises:
        ValueError: `counts` is damaged, or does not fill a mask of that size.

    Example:
        >>> decode({"size": [2, 2], "counts": "22"}).tolist()
        [[False, True], [False, True]]
    """
    height, width = rle["size"]
    counts = rle["counts"]
    runs = _decompress(counts.encode() if isinstance(counts, str) else counts)
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"RLE counts do not fill a mask of {height} x {width} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((height, width), order="F")


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


def _decompress(counts: bytes) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        code = character - 48
        if not 0 <= code < 64:
            raise ValueError(f"RLE counts hold {chr(character)!r}, which is no RLE character")
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << shift  # sign extension
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("RLE counts end in the middle of a run")
    return runs
