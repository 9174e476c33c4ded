"""A random sample of labelled photos on one sheet, to judge the masks at a glance."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.data.free_masks import Entry, FreeMasks
from freeseg.errors import PhotoError
from freeseg.photos import read_bytes, resize
from freeseg.results.overlay import overlay

TILE = (480, 240)  # a photo on the sheet fits in it, in pixels
GAP = 12
PAPER = (255, 255, 255)


def draw_sample(photos: int, count: int, *, seed: int) -> frozenset[int]:
    """Draw photos at random; the same ones for the same seed.

    Args:
        photos: How many photos there are.
        count: How many are drawn, if there are as many.
        seed: Any integer.

    Returns:
        The numbers of the drawn photos, from 0.

    Example:
        >>> draw_sample(5, 9, seed=0) == {0, 1, 2, 3, 4}
        True
    """
    return frozenset(random.Random(seed).sample(range(photos), min(photos, count)))  # noqa: S311  # no secret


def thumbnail(image: bytes) -> Image.Image | None:
    """A photo, given as its file's bytes, as it appears on the sheet; None if it cannot be read."""
    with suppress(PhotoError):
        photo = read_bytes(image, "")
        scale = min(side / own for side, own in zip(TILE, photo.size, strict=True))
        return resize(photo, (max(1, round(photo.width * scale)), max(1, round(photo.height * scale))))
    return None


def contact_sheet(masks: FreeMasks, photos: Sequence[tuple[Entry, Image.Image]]) -> Image.Image:
    """Draw photos under their masks, each with its legend, side by side in rows.

    Args:
        masks: The folder of the entries.
        photos: The entry and the `thumbnail` of each photo; at least one.

    Returns:
        RGB, about half as wide again as it is high.
    """
    rows = _rows([_tile(masks, entry, photo) for entry, photo in photos])
    width = max(sum(tile.width + GAP for tile in row) for row in rows)
    heights = [max(tile.height for tile in row) + GAP for row in rows]
    sheet = Image.new("RGB", (GAP + width, GAP + sum(heights)), PAPER)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        left = GAP
        for tile in row:
            sheet.paste(tile, (left, top))
            left += tile.width + GAP
        top += height
    return sheet


def _rows(tiles: Sequence[Image.Image]) -> list[list[Image.Image]]:
    """The tiles in rows of about the same width."""
    ends = list(accumulate(tile.width + GAP for tile in tiles))
    wanted = math.sqrt(1.5 * sum((tile.width + GAP) * (tile.height + GAP) for tile in tiles))
    count = max(1, round(ends[-1] / wanted))
    rows: list[list[Image.Image]] = [[] for _ in range(count)]
    for tile, end in zip(tiles, ends, strict=True):
        rows[int((end - tile.width / 2) / ends[-1] * count)].append(tile)
    return [row for row in rows if row]


def _tile(masks: FreeMasks, entry: Entry, photo: Image.Image) -> Image.Image:
    mask = masks.stored_mask(entry)
    reduced = mask[_nearest(len(mask), photo.height)][:, _nearest(mask.shape[1], photo.width)].astype(np.int64)
    return overlay(photo, reduced, masks.labels, entry.areas)


def _nearest(source: int, target: int) -> NDArray[np.int64]:
    """The nearest of `source` pixels for each of `target` pixels."""
    return ((np.arange(target) + 0.5) * source / target).astype(np.int64)
