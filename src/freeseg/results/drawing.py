"""What the pictures of results share: their colours, and drawing a large photo in bands of rows.

A picture drawn in bands needs its own memory and little more, however large the photo is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.mask_values import IGNORE, has_background
from freeseg.results.lettering import Colour

Array = npt.NDArray[Any]

PAPER: Colour = (255, 255, 255)  # behind legends and titles
INK: Colour = (32, 36, 42)
MUTED: Colour = (118, 124, 132)
HATCH: Colour = (150, 154, 160)  # the stripes of "don't know"
BAND_PIXELS = 1 << 16
# Bright colours, far apart in this order. Among the first ten of the VOC map there are four dark reds and a grey, which
# differ enough in a mask but not over a photo.
_BRIGHT = bytes.fromhex(
    "e63946 2a9df4 ffb703 2ec470 9b5de5 ff7a00 00c8c8 f15bb5 a0c81e 5a50dc"
    "b46432 008080 ff9182 82beff be96ff 789628 c81e78 8ce1aa d2aa78 145aa0"
)


def palette(n: int = 256) -> npt.NDArray[np.uint8]:
    """The first `n` colours of the Pascal VOC colour map, (n, 3) uint8: 0 is black, 255 is (224, 224, 192).

    Bits 0, 3, 6... of the index, lowest first, are the red value's bits from the highest down; green has bits
    1, 4, 7..., blue 2, 5, 8... (VOC development kit, `VOClabelcolormap.m`). The first 2^24 colours are all different.

    Example:
        >>> palette(4).tolist()
        [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    """
    index = np.arange(n)[:, None]
    channel = np.arange(3)
    colours = np.zeros((n, 3), dtype=np.int64)
    for bit in range(8):
        colours |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
    return colours.astype(np.uint8)


def display_palette(labels: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The colours that pictures show labels in, (max(len(labels), 256), 3) uint8 by label index.

    A label has the same colour in all pictures of one list of labels. Background is black and 255 grey; the colours
    of the others repeat after 60 labels.

    Example:
        >>> display_palette(["background", "cat"])[:2].tolist()
        [[0, 0, 0], [230, 57, 70]]
    """
    with_background = has_background(labels)
    index = np.arange(max(len(labels), 256)) - int(with_background)
    bright = np.frombuffer(_BRIGHT, np.uint8).reshape(-1, 3)
    cycle = (index // len(bright) % 3)[:, None]
    # The second twenty colours are 45 % paler, the third 45 % darker.
    mixed = np.where(cycle == 0, 1, 0.55) * bright[index % len(bright)] + np.where(cycle == 1, 0.45 * 255, 0)
    mixed[IGNORE] = HATCH
    if with_background:
        mixed[0] = 0
    return mixed.astype(np.uint8)


def row_bands(photo: Image.Image) -> Iterator[tuple[int, int]]:
    """The first row and the row after the last of each band, from the top of the photo to its bottom."""
    step = max(1, BAND_PIXELS // photo.width)
    for top in range(0, photo.height, step):
        yield top, min(top + step, photo.height)
