"""The legend of an overlay: a colour, a name and a share of the photo for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from freeseg.mask_values import DONT_KNOW, has_background, label_values
from freeseg.results.drawing import HATCH, INK, MUTED, PAPER
from freeseg.results.lettering import Colour, text_line

LEGEND_ENTRIES = 40
_lettered = lru_cache(maxsize=64)(text_line)  # the photos of a folder mostly show the same words


def draw_legend(
    labels: Sequence[str], colours: npt.NDArray[np.uint8], areas: Mapping[str, float], *, width: int, size: int
) -> Image.Image:
    """Draw a legend.

    Args:
        labels: Names by index.
        colours: (n, 3) uint8 by index.
        areas: Share of the pixels, in [0, 1], of each label to list, in this order; the first `LEGEND_ENTRIES` are
            listed one by one. What is missing from 1 is listed as "don't know".
        width: Pixels.
        size: Of the letters, in pixels.

    Returns:
        RGB, `width` pixels wide and as high as the entries need.
    """
    pad = round(0.8 * size)
    widest = min(width - 2 * pad, 24 * size)
    number = {label: index for index, label in enumerate(labels)}
    chips = []
    for label, share in list(areas.items())[:LEGEND_ENTRIES]:
        red, green, blue = colours[number[label]].tolist()
        is_background = number[label] == 0 and has_background(labels)
        chips.append(_chip(label, share, PAPER if is_background else (red, green, blue), size, widest))
    if len(areas) > LEGEND_ENTRIES:
        rest = list(areas.values())[LEGEND_ENTRIES:]
        chips.append(_chip(f"{len(rest)} more", sum(rest), PAPER, size, widest))
    unsure = 1 - sum(areas.values())
    if unsure > 1e-6:
        chips.append(_chip(DONT_KNOW, unsure, HATCH, size, widest))
    return _laid_out(chips, width, size, pad)


def draw_names(labels: Sequence[str], colours: npt.NDArray[np.uint8], *, width: int, size: int) -> Image.Image:
    """Draw a legend of all labels, without shares, which is the same for all photos.

    The arguments are those of `draw_legend`; no more than `LEGEND_ENTRIES` are listed.
    """
    pad = round(0.8 * size)
    widest = min(width - 2 * pad, 24 * size)
    chips = []
    for value in label_values(labels)[:LEGEND_ENTRIES]:
        red, green, blue = colours[value].tolist()
        is_background = value == 0 and has_background(labels)
        chips.append(_chip(labels[value], None, PAPER if is_background else (red, green, blue), size, widest))
    return _laid_out([*chips, _chip(DONT_KNOW, None, HATCH, size, widest)], width, size, pad)


def _laid_out(chips: Sequence[Image.Image], width: int, size: int, pad: int) -> Image.Image:
    """Entries in rows."""
    places, left, top = [], pad, pad
    for chip in chips:
        if left > pad and left + chip.width > width - pad:
            left, top = pad, top + round(1.8 * size)
        places.append((left, top))
        left += chip.width + round(1.2 * size)
    strip = Image.new("RGB", (width, top + round(1.4 * size) + pad), PAPER)
    for chip, place in zip(chips, places, strict=True):
        strip.paste(chip, place)
    return strip


def _chip(label: str, share: float | None, colour: Colour, size: int, widest: int) -> Image.Image:
    """An entry at most `widest` pixels wide: a swatch, a name and a share, if any. A white swatch has a frame."""
    gap = round(0.45 * size)
    written = "" if share is None else f"{share:.0%}" if share >= 0.01 else "<1%"
    percent = _lettered(written, size=size, widest=4 * size, ink=MUTED, paper=PAPER)
    room = widest - percent.width - size - 2 * gap
    name = _lettered(label, size=size, widest=room, ink=INK, paper=PAPER)
    chip = Image.new("RGB", (size + name.width + percent.width + 2 * gap, name.height), PAPER)
    chip.paste(_swatch(colour, size), (0, (chip.height - size) // 2))
    chip.paste(name, (size + gap, 0))
    chip.paste(percent, (chip.width - percent.width, 0))
    return chip


@lru_cache(maxsize=64)
def _swatch(colour: Colour, size: int) -> Image.Image:
    """A square with round corners."""
    side = 3 * size  # drawn larger and reduced, so that its corners are smooth
    swatch = Image.new("RGB", (side, side), PAPER)
    frame = MUTED if colour == PAPER else colour
    ImageDraw.Draw(swatch).rounded_rectangle((0, 0, side - 1, side - 1), side // 5, colour, frame, max(1, side // 12))
    return swatch.reduce(3)
