"""Parts of a photo: cut out on transparent ground, or outlined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.mask_values import has_background
from freeseg.results.drawing import Array, display_palette


def cutout(photo: Image.Image, where: npt.NDArray[np.bool_]) -> Image.Image:
    """A part of a photo on transparent ground, at the photo's size.

    What is not shown is black under its transparency, so that nothing of it is given away.

    Args:
        photo: RGB.
        where: (H, W), what to show.

    Returns:
        RGBA.

    Raises:
        ValueError: The two differ in size.

    Example:
        >>> part = cutout(Image.new("RGB", (2, 1), "white"), np.array([[True, False]]))
        >>> part.getpixel((0, 0)), part.getpixel((1, 0))
        ((255, 255, 255, 255), (0, 0, 0, 0))
    """
    if where.shape != (photo.height, photo.width):
        raise ValueError(f"the part is {where.shape}, the photo {(photo.height, photo.width)}")
    mask = Image.fromarray(where.astype(np.uint8) * np.uint8(255))
    shown = Image.new("RGBA", photo.size)
    shown.paste(photo, (0, 0), mask)
    shown.putalpha(mask)
    return shown


def outlines(photo: Image.Image, mask: Array, labels: Sequence[str], *, width: int | None = None) -> Image.Image:
    """A photo with a line around each region, in the colour of its label.

    Args:
        photo: RGB.
        mask: (H, W) of the photo's size, indices into `labels`, and 255 for "don't know".
        labels: Names by index.
        width: Of the lines, in pixels; None for one that suits the photo's size.

    Returns:
        RGB.

    Raises:
        ValueError: The mask and the photo differ in size.

    Example:
        >>> mask = np.array([[0, 1, 1, 1]], np.uint8)
        >>> drawn = outlines(Image.new("RGB", (4, 1)), mask, ["background", "cat"], width=1)
        >>> drawn.getpixel((1, 0)), drawn.getpixel((3, 0))
        ((230, 57, 70), (0, 0, 0))
    """
    if mask.shape != (photo.height, photo.width):
        raise ValueError(f"the mask is {mask.shape}, the photo {(photo.height, photo.width)}")
    line = width or max(2, round(min(photo.size) / 200))
    edge = np.zeros(mask.shape, np.bool_)
    for step in range(1, line + 1):
        across, down = mask[:, step:] != mask[:, :-step], mask[step:] != mask[:-step]
        edge[:, step:] |= across
        edge[:, :-step] |= across
        edge[step:] |= down
        edge[:-step] |= down
    if has_background(labels):
        edge &= mask != 0  # the lines are drawn inside the regions, not around them
    pixels = np.array(photo)
    pixels[edge] = display_palette(labels)[mask[edge]]
    return Image.fromarray(pixels)
