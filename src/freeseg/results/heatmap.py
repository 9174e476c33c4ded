"""Scores over a photo as colours, for one label or for several side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from PIL import Image

from freeseg.results.drawing import INK, PAPER, Array, row_bands
from freeseg.results.lettering import text_line

TILE = 480  # pixels on the longer side of a tile of a sheet
_SHEET_TILES = 36  # the most tiles that are drawn at full size
# Inferno of matplotlib (CC0) at nine even steps: its lightness grows evenly with the value.
_INFERNO = bytes.fromhex("000004 1f0c48 550f6d 88226a ba3655 e35933 f98c0a f9c932 fcffa4")


def heatmap(values: Array, photo: Image.Image) -> Image.Image:
    """Draw a map of scores over the photo in grey, from dark violet for 0 to pale yellow for 1.

    Args:
        values: (H, W) floats in [0, 1]; a map of another size than the photo's is resized bilinearly.
        photo: A picture of any size and mode.

    Returns:
        RGB of the photo's size.

    Raises:
        ValueError: `values` is not 2-D, is empty, or is not inside [0, 1].

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
    for top, bottom in row_bands(photo):
        box = (0, top, photo.width, bottom)
        grey = np.asarray(photo.crop(box).convert("RGB").convert("L"), dtype=np.float32)[..., None]
        level = np.asarray(levels.crop(box))
        pixels = grey + (table[level] - grey) * weight[level][..., None]
        canvas.paste(Image.fromarray(pixels.round().astype(np.uint8)), (0, top))
    return canvas


def heatmap_sheet(photo: Image.Image, maps: Mapping[str, Array]) -> Image.Image:
    """Draw the photo and a heatmap for each label in a grid with titles.

    Args:
        photo: RGB of any size. A tile is `TILE` pixels on its longer side or fewer, and at least 200.
        maps: (h, w) floats in [0, 1] by label, in the order to show them.

    Returns:
        RGB.

    Raises:
        ValueError: `heatmap` refuses a map.

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
    sheet = Image.new("RGB", (columns * cell[0] + gap, math.ceil(count / columns) * cell[1] + gap), PAPER)
    for index, (title, values) in enumerate([("photo", None), *maps.items()]):
        left, top = gap + index % columns * cell[0], gap + index // columns * cell[1]
        sheet.paste(text_line(title, size=size, widest=cell[0] - gap, ink=INK, paper=PAPER), (left, top))
        sheet.paste(small if values is None else heatmap(values, small), (left, top + round(1.6 * size)))
    return sheet


def similarity_sheet(photo: Image.Image, maps: Mapping[str, Array]) -> Image.Image:
    """Draw a heatmap sheet of maps of any range.

    The colours of each map go from its own smallest to its own largest value, which its title tells.

    Args:
        photo: RGB of any size.
        maps: (h, w) floats by label, as `FreeSeg.similarity` gives them.

    Returns:
        RGB.

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
    """The number of columns that makes a sheet of about 3:2 with few empty cells."""

    def badness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * cell[0] / (rows * cell[1]) / 1.5)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=badness)
