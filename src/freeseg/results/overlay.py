"""A photo under translucent label colours, with lines between the regions and a legend below it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.mask_values import IGNORE, has_background
from freeseg.results.drawing import PAPER, Array, display_palette
from freeseg.results.legend import draw_legend

SMALLEST_TILE, LARGEST_TILE = 64, 128  # pixels on each side: smaller ones cost less where regions meet, but more calls
SEVERAL = -1  # where a mask has no single value


def overlay(
    photo: Image.Image,
    mask: Array,
    labels: Sequence[str],
    areas: Mapping[str, float],
    *,
    alpha: float = 0.55,
) -> Image.Image:
    """Draw a mask over its photo, with thin lines between the regions and a legend below.

    The photo fills the top left of the picture at its own size. The legend is wider than the photo where the photo is
    too narrow for a word. Background is left as it is in the photo, and "don't know" is hatched.

    Args:
        photo: RGB.
        mask: (H, W) uint8 or uint16 of the photo's size: indices into `labels`, and 255 for "don't know".
        labels: Names by index.
        areas: Share of the pixels, in [0, 1], of each label that the legend lists, in its order.
        alpha: Opacity of the colours, in [0, 1].

    Returns:
        RGB.

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
    legend = draw_legend(labels, colours, areas, width=max(photo.width, 14 * size), size=size)
    canvas = Image.new("RGB", (legend.width, photo.height + legend.height), PAPER)
    canvas.paste(legend, (0, photo.height))
    tables = _tables(tuple(labels), alpha)
    stripe = len(tables) // 2 - 1
    line = max(1, round(min(photo.size) / 450))
    canvas.paste(photo, (0, 0))
    for box, value in _tiles(mask, line):
        if value == 0 and has_background(labels):
            continue  # the photo stays as it is
        left, top, right, bottom = box
        pixels = canvas.crop(box)
        if value not in (SEVERAL, IGNORE):
            canvas.paste(pixels.point(tables[value].ravel().tolist()), (left, top))
            continue
        values = mask[top:bottom, left:right].astype(np.int32)
        unsure = values == IGNORE
        if unsure.any():
            values[unsure & _stripes(left + top, values.shape, size)] = stripe
        edge = _edges(mask[top : bottom + line, left : right + line], line)[: bottom - top, : right - left]
        values += edge * np.int32(stripe + 1)
        canvas.paste(_looked_up(tables, values, pixels), (left, top))
    return canvas


def _tiles(mask: Array, line: int) -> Iterator[tuple[tuple[int, int, int, int], int]]:
    """A mask in boxes (left, top, right, bottom), and the value that a box and its surroundings have, or `SEVERAL`.

    Neighbours in a row make one box where both have the same value, and where both have several.

    Args:
        mask: (H, W).
        line: The width of the lines between regions, which tells how far the surroundings go to the right and down.
    """
    height, width = mask.shape
    side = min(max(min(height, width) // 6, SMALLEST_TILE), LARGEST_TILE)
    for top in range(0, height, side):
        bottom, begun, before = min(top + side, height), 0, None
        for left in range(0, width, side):
            seen = mask[top : bottom + line, left : left + side + line]
            value = int(seen[0, 0]) if (seen == seen[0, 0]).all() else SEVERAL
            if before is not None and value != before:
                yield (begun, top, left, bottom), before
                begun = left
            before = value
        yield (begun, top, width, bottom), value


def _looked_up(tables: npt.NDArray[np.uint8], rows: npt.NDArray[np.int32], pixels: Image.Image) -> Image.Image:
    """Pixels as tables (n, 3, 256) say, each by the table of its row number (H, W)."""
    height, width = rows.shape
    place = np.repeat(rows * np.int32(3 * 256), 3, axis=1)  # one number for each channel, which is quick to add to
    place += np.tile(np.arange(3, dtype=np.int32) * np.int32(256), width)
    place += np.asarray(pixels).reshape(height, 3 * width)
    return Image.fromarray(tables.take(place).reshape(height, width, 3))


@lru_cache(maxsize=2)  # the photos of a folder have the same labels
def _tables(labels: tuple[str, ...], alpha: float) -> npt.NDArray[np.uint8]:
    """What each value of each channel becomes, (2 * (n + 1), 3, 256), by label; the last one is for stripes.

    The second half of the tables is for pixels on an edge.
    """
    colours = display_palette(labels)
    opacity = np.full(len(colours), alpha, dtype=np.float32)
    opacity[IGNORE] = 0.25
    if has_background(labels):
        opacity[0] = 0
    plain = _blends(np.vstack([colours, colours[IGNORE]]), np.append(opacity, np.float32(0.55)))
    return np.concatenate([_rounded(plain), _rounded(plain + (255 - plain) * np.float32(0.75))])


def _blends(colours: npt.NDArray[np.uint8], opacity: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What each value of each channel becomes under colours (n, 3) of an opacity (n,), as (n, 3, 256)."""
    under = np.arange(256, dtype=np.float32)
    return under + (colours[..., None].astype(np.float32) - under) * opacity[:, None, None]


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return values.round().astype(np.uint8)


def _edges(mask: Array, width: int) -> npt.NDArray[np.bool_]:
    """Where the pixel `width` to the right, below, or both has another value."""
    edge = np.zeros(mask.shape, dtype=np.bool_)
    edge[:, :-width] = mask[:, :-width] != mask[:, width:]
    edge[:-width] |= mask[:-width] != mask[width:]
    edge[:-width, :-width] |= mask[:-width, :-width] != mask[width:, width:]  # closes outer corners
    return edge


def _stripes(start: int, shape: tuple[int, ...], size: int) -> npt.NDArray[np.bool_]:
    """Where diagonal stripes are, in a part of this shape whose first row and column add up to `start`."""
    rows, columns = np.arange(start, start + shape[0])[:, None], np.arange(shape[1])[None]
    return np.asarray((rows + columns) % size < max(1, size // 3))
