"""A photo that is read and resized: what a model sees of it, and what a mask is drawn on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.models.config import Preprocessing
from freeseg.photos import (
    Photo,
    SeenPhoto,
    fit_short_side,
    frame_number,
    photo_source,
    read_resized,
    to_array,
)


class Prepared(NamedTuple):
    """A photo that is ready to be looked at.

    Attributes:
        photo: Upright, in RGB.
        pixels: (h, w, 3), what the model sees of it.
        source: Its path where it has one, or "".
        seen: What the model saw of it, where it has looked already.
        frame: Which of its file's frames or pages it is, from 1; 0 for what is no frame.
    """

    photo: Image.Image
    pixels: NDArray[np.uint8]
    source: str
    seen: SeenPhoto | None = None
    frame: int = 0


def prepare_photo(image: Photo, seen: Preprocessing) -> Prepared:
    """Read a photo and resize it to what a model with this preprocessing sees."""

    def fit(size: tuple[int, int]) -> tuple[int, int]:
        width, height = fit_short_side(size, seen.short_side, long_cap=seen.long_cap)
        return _whole(width, seen.multiple), _whole(height, seen.multiple)

    resample = Image.Resampling.BILINEAR if seen.resample == "bilinear" else Image.Resampling.BICUBIC
    photo, shown = read_resized(image, fit, resample=resample)
    return Prepared(photo, to_array(shown), photo_source(image), frame=frame_number(image))


def _whole(side: int, multiple: int) -> int:
    """The nearest multiple, at least one."""
    return max(1, round(side / multiple)) * multiple
