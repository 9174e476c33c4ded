"""A photo under translucent label colours, with lines between the regions and a legend below it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.mask_values import IGNORE, has_background
from freeseg.results.drawing import PAPER, Array, display_palette, row_bands
from freeseg.results.legend import draw_legend

_CHANNELS = np.arange(3) * 256  # where the table of each channel begins


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
    opacity = np.full(len(colours), alpha, dtype=np.float32)
    opacity[IGNORE] = 0.25
    if has_background(labels):
        opacity[0] = 0
    stripe = len(colours)  # one more entry, for the stripes of "don't know"
    plain = _blends(np.vstack([colours, colours[IGNORE]]), np.append(opacity, np.float32(0.55)))
    tables = np.stack([_rounded(plain), _rounded(plain + (255 - plain) * np.float32(0.75))])
    line = max(1, round(min(photo.size) / 450))
    for top, bottom in row_bands(photo):
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


def _stripes(top: int, shape: tuple[int, ...], size: int) -> npt.NDArray[np.bool_]:
    """Where diagonal stripes are, in a band of this shape that begins at row `top`."""
    rows, columns = np.arange(top, top + shape[0])[:, None], np.arange(shape[1])[None]
    return np.asarray((rows + columns) % size < max(1, size // 3))
