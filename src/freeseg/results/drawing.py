"""Pictures of results: colours over a photo with a legend, and heatmaps. Data in, pictures out, no files.

Large photos are drawn in bands of rows, so that a picture costs its own size and little more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from freeseg.mask_values import BACKGROUND, DONT_KNOW, IGNORE
from freeseg.results.lettering import Colour, text_line

Array = npt.NDArray[Any]

_PAPER: Colour = (255, 255, 255)
_INK: Colour = (32, 36, 42)
_MUTED: Colour = (118, 124, 132)
_HATCH: Colour = (150, 154, 160)
_BAND_PIXELS = 1 << 16
_CHANNELS = np.arange(3) * 256  # where the table of each channel begins
_LEGEND_ENTRIES = 40
TILE = 480  # longest side of a tile of a heatmap sheet
_SHEET_TILES = 36  # as many tiles as are drawn at full size
# Inferno of matplotlib (CC0) at nine even steps: its lightness grows evenly with the value.
_INFERNO = bytes.fromhex("000004 1f0c48 550f6d 88226a ba3655 e35933 f98c0a f9c932 fcffa4")
# Bright, and far apart in this order. The VOC map's first ten hold four dark reds and a grey: told apart in a
# mask file, not over a photo.
_BRIGHT = bytes.fromhex(
    "e63946 2a9df4 ffb703 2ec470 9b5de5 ff7a00 00c8c8 f15bb5 a0c81e 5a50dc"
    "b46432 008080 ff9182 82beff be96ff 789628 c81e78 8ce1aa d2aa78 145aa0"
)


def palette(n: int = 256) -> npt.NDArray[np.uint8]:
    """The first `n` colours of the Pascal VOC colour map, (n, 3) uint8: 0 is black, 255 is (224, 224, 192).

    Bits 0, 3, 6... of the index, lowest first, are the red value's bits from the highest down; green has bits
    1, 4, 7..., blue 2, 5, 8... (VOC development kit, `VOClabelcolormap.m`). From 256 on the colours repeat.

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


def overlay(
    photo: Image.Image,
    mask: Array,
    labels: Sequence[str],
    areas: Mapping[str, float],
    alpha: float = 0.55,
) -> Image.Image:
    """The photo under translucent label colours, with thin lines between regions and a legend below.

    The photo fills the top left of the picture at its own size. The legend is below it, and wider than the
    photo where the photo is too narrow to hold a word. Background stays as it was; "don't know" is hatched.

    Args:
        photo: RGB.
        mask: (H, W) uint8 or uint16, the photo's size: indices into `labels`; 255 is "don't know".
        labels: Names, by index.
        areas: Share of the pixels in [0, 1] by label, for the legend, in the order to list them.
        alpha: Opacity of the colours, in [0, 1].

    Raises:
        ValueError: `alpha` is out of range, or the mask and the photo differ in size.

    Example:
        >>> photo = Image.new("RGB", (640, 480), "white")
        >>> mask = np.zeros((480, 640), np.uint8)
        >>> mask[:240] = 1
        >>> picture = overlay(photo, mask, ["background", "sky"], {"background": 0.5, "sky": 0.5})
        >>> picture.width, picture.height > 480
        (640, True)
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is an opacity in [0, 1], not {alpha}")
    if mask.shape != (photo.height, photo.width):
        raise ValueError(f"the mask is {mask.shape}, the photo {(photo.height, photo.width)}")
    colours = display_palette(labels)
    size = max(11, round(math.sqrt(photo.width * photo.height) / 40))
    legend = _legend(labels, colours, areas, max(photo.width, 14 * size), size)
    canvas = Image.new("RGB", (legend.width, photo.height + legend.height), _PAPER)
    canvas.paste(legend, (0, photo.height))
    opacity = np.full(len(colours), alpha, dtype=np.float32)
    opacity[IGNORE] = 0.25
    if labels and labels[0] == BACKGROUND:
        opacity[0] = 0
    stripe = len(colours)  # one more entry: "don't know" where it is hatched
    plain = _blends(np.vstack([colours, colours[IGNORE]]), np.append(opacity, np.float32(0.55)))
    tables = np.stack([_rounded(plain), _rounded(plain + (255 - plain) * np.float32(0.75))])
    line = max(1, round(min(photo.size) / 450))
    for top, bottom in _bands(photo):
        values = mask[top:bottom].astype(np.intp)
        unsure = values == IGNORE
        if unsure.any():
            values[unsure & _stripes(top, values.shape, size)] = stripe
        edge = _edges(mask[top : bottom + line], line)[: bottom - top]
        pixels = np.asarray(photo.crop((0, top, photo.width, bottom)).convert("RGB"))
        # What a pixel becomes depends on its label, on whether it lies on an edge, and on its own three values.
        place = ((values + edge * (stripe + 1)) * 768)[..., None] + _CHANNELS + pixels
        canvas.paste(Image.fromarray(tables.take(place, mode="clip")), (0, top))
    return canvas


def _blends(colours: npt.NDArray[np.uint8], opacity: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What each value of each channel becomes under a colour (n, 3) of some opacity (n,): (n, 3, 256)."""
    under = np.arange(256, dtype=np.float32)
    return under + (colours[..., None].astype(np.float32) - under) * opacity[:, None, None]


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return values.round().astype(np.uint8)


def display_palette(labels: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The colours that pictures show labels in, (max(len(labels), 256), 3) uint8 by label index.

    A label has the same colour in every picture of one list of labels. Background is black, 255 grey; the
    rest repeat every 60.

    Example:
        >>> display_palette(["background", "cat"])[:2].tolist()
        [[0, 0, 0], [230, 57, 70]]
    """
    has_background = bool(labels) and labels[0] == BACKGROUND
    index = np.arange(max(len(labels), 256)) - int(has_background)
    bright = np.frombuffer(_BRIGHT, np.uint8).reshape(-1, 3)
    cycle = (index // len(bright) % 3)[:, None]
    # The second time round 45% paler, the third 45% darker.
    mixed = np.where(cycle == 0, 1, 0.55) * bright[index % len(bright)] + np.where(cycle == 1, 0.45 * 255, 0)
    mixed[IGNORE] = _HATCH
    if has_background:
        mixed[0] = 0
    return mixed.astype(np.uint8)


def heatmap(values: Array, photo: Image.Image) -> Image.Image:
    """A map of scores over a photo: dark violet (0) to pale yellow (1), over the photo in grey.

    Args:
        values: (H, W) float in [0, 1]; a map smaller or larger than the photo is resized bilinearly.
        photo: Any size and mode.

    Returns:
        RGB, the photo's size.

    Raises:
        ValueError: `values` is not 2-D, is empty, or holds something outside [0, 1].

    Example:
        >>> heatmap(np.array([[0.0, 1.0]]), Image.new("RGB", (64, 48))).size
        (64, 48)
    """
    if values.ndim != 2 or values.size == 0 or not (values.min() >= 0 and values.max() <= 1):
        raise ValueError("a heatmap is drawn from (H, W) values in [0, 1]; scale the scores first")
    levels = Image.fromarray((values * 255).round().astype(np.uint8))
    if levels.size != photo.size:
        levels = levels.resize(photo.size, Image.Resampling.BILINEAR)
    steps = np.frombuffer(_INFERNO, np.uint8).reshape(-1, 3).T
    places = np.linspace(0, 255, steps.shape[1])
    table = np.stack([np.interp(np.arange(256), places, step) for step in steps], axis=1).astype(np.float32)
    weight = np.linspace(0.5, 0.8, 256, dtype=np.float32)
    canvas = Image.new("RGB", photo.size)
    for top, bottom in _bands(photo):
        box = (0, top, photo.width, bottom)
        grey = np.asarray(photo.crop(box).convert("RGB").convert("L"), dtype=np.float32)[..., None]
        level = np.asarray(levels.crop(box))
        pixels = grey + (table[level] - grey) * weight[level][..., None]
        canvas.paste(Image.fromarray(pixels.round().astype(np.uint8)), (0, top))
    return canvas


def heatmap_sheet(photo: Image.Image, maps: Mapping[str, Array]) -> Image.Image:
    """The photo and one heatmap per label in a grid, titled, in tiles of at most 480 pixels.

    Args:
        photo: RGB, any size; small ones are enlarged to 200 pixels.
        maps: (h, w) float values in [0, 1] by label, in the order to show them.

    Raises:
        ValueError: A map that `heatmap` refuses.

    Example:
        >>> heatmap_sheet(Image.new("RGB", (320, 240)), {"cat": np.zeros((15, 20))}).mode
        'RGB'
    """
    count = len(maps) + 1
    longest = min(TILE, round(TILE * math.sqrt(_SHEET_TILES / count)))
    scale = min(max(*photo.size, 200), longest) / max(photo.size)
    tile = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    small = photo.convert("RGB").resize(tile, Image.Resampling.LANCZOS)
    size = max(12, longest // 27)
    gap = size
    cell = (max(tile[0], 10 * size) + gap, tile[1] + 2 * size + gap)
    columns = _columns(count, cell)
    sheet = Image.new("RGB", (columns * cell[0] + gap, math.ceil(count / columns) * cell[1] + gap), _PAPER)
    for index, (title, values) in enumerate([("photo", None), *maps.items()]):
        left, top = gap + index % columns * cell[0], gap + index // columns * cell[1]
        sheet.paste(text_line(title, size, cell[0] - gap, _INK, _PAPER), (left, top))
        sheet.paste(small if values is None else heatmap(values, small), (left, top + round(1.6 * size)))
    return sheet


def similarity_sheet(photo: Image.Image, maps: Mapping[str, Array]) -> Image.Image:
    """A heatmap sheet of maps of any range: each is drawn from its own least to its most, which its title tells.

    Args:
        photo: RGB, any size.
        maps: (h, w) float values by label, as `FreeSeg.similarity` gives them.

    Example:
        >>> similarity_sheet(Image.new("RGB", (320, 240)), {"cat": np.array([[-0.1, 0.3]])}).mode
        'RGB'
    """
    scaled = {}
    for label, values in maps.items():
        above = values - values.min()
        scaled[f"{label} ({values.min():.2f} to {values.max():.2f})"] = above / max(above.max(), 1e-6)
    return heatmap_sheet(photo, scaled)


def _columns(count: int, cell: tuple[int, int]) -> int:
    """As many columns as give a sheet near 3:2 with few empty cells."""

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * cell[0] / (rows * cell[1]) / 1.5)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=badness)


def _bands(photo: Image.Image) -> Iterator[tuple[int, int]]:
    step = max(1, _BAND_PIXELS // photo.width)
    for top in range(0, photo.height, step):
        yield top, min(top + step, photo.height)


def _edges(mask: Array, width: int) -> npt.NDArray[np.bool_]:
    """Where the value `width` pixels to the right, below or both is another one."""
    edge = np.zeros(mask.shape, dtype=np.bool_)
    edge[:, :-width] = mask[:, :-width] != mask[:, width:]
    edge[:-width] |= mask[:-width] != mask[width:]
    edge[:-width, :-width] |= mask[:-width, :-width] != mask[width:, width:]  # closes outer corners
    return edge


def _stripes(top: int, shape: tuple[int, ...], size: int) -> npt.NDArray[np.bool_]:
    """Diagonal stripes that go on from band to band."""
    rows, columns = np.arange(top, top + shape[0])[:, None], np.arange(shape[1])[None]
    return np.asarray((rows + columns) % size < max(1, size // 3))


def _legend(
    labels: Sequence[str], colours: npt.NDArray[np.uint8], areas: Mapping[str, float], width: int, size: int
) -> Image.Image:
    """A strip `width` pixels wide: a swatch, the name and the share of each label, in lines."""
    pad = round(0.8 * size)
    widest = min(width - 2 * pad, 24 * size)
    number = {label: index for index, label in enumerate(labels)}
    chips = []
    for label, share in list(areas.items())[:_LEGEND_ENTRIES]:
        red, green, blue = colours[number[label]].tolist()
        clear = label == BACKGROUND and number[label] == 0
        chips.append(_chip(label, share, _PAPER if clear else (red, green, blue), size, widest))
    if len(areas) > _LEGEND_ENTRIES:
        rest = list(areas.values())[_LEGEND_ENTRIES:]
        chips.append(_chip(f"{len(rest)} more", sum(rest), _PAPER, size, widest))
    unsure = 1 - sum(areas.values())
    if unsure > 1e-6:
        chips.append(_chip(DONT_KNOW, unsure, _HATCH, size, widest))
    places, left, top = [], pad, pad
    for chip in chips:
        if left > pad and left + chip.width > width - pad:
            left, top = pad, top + round(1.8 * size)
        places.append((left, top))
        left += chip.width + round(1.2 * size)
    strip = Image.new("RGB", (width, top + round(1.4 * size) + pad), _PAPER)
    for chip, place in zip(chips, places, strict=True):
        strip.paste(chip, place)
    return strip


def _chip(label: str, share: float, colour: Colour, size: int, widest: int) -> Image.Image:
    """A swatch, a name and a percentage, cut to at most `widest` pixels; a paper-coloured swatch gets a frame."""
    gap = round(0.45 * size)
    percent = text_line(f"{share:.0%}" if share >= 0.01 else "<1%", size, 4 * size, _MUTED, _PAPER)
    name = text_line(label, size, widest - percent.width - size - 2 * gap, _INK, _PAPER)
    chip = Image.new("RGB", (size + name.width + percent.width + 2 * gap, name.height), _PAPER)
    side = 3 * size  # drawn larger and reduced, so that its corners are smooth
    swatch = Image.new("RGB", (side, side), _PAPER)
    frame = _MUTED if colour == _PAPER else colour
    ImageDraw.Draw(swatch).rounded_rectangle((0, 0, side - 1, side - 1), side // 5, colour, frame, max(1, side // 12))
    chip.paste(swatch.reduce(3), (0, (chip.height - size) // 2))
    chip.paste(name, (size + gap, 0))
    chip.paste(percent, (chip.width - percent.width, 0))
    return chip
