"""The result of segmenting one photo by words: a label and a confidence per pixel, and ways to use them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.errors import LabelError, shortened
from freeseg.files import printable
from freeseg.mask_values import BACKGROUND, DONT_KNOW, IGNORE, Mask, has_background, label_values
from freeseg.photos import reduced
from freeseg.results import rle
from freeseg.results.coco import (
    DESCRIPTION,
    checked_image_id,
    coco_annotations,
    coco_categories,
    first_annotation_id,
)
from freeseg.results.counting import mean_confidence_by_value, pixels_by_value
from freeseg.results.cutouts import cutout
from freeseg.results.drawing import display_palette, palette
from freeseg.results.formats import DEFAULT_FORMATS
from freeseg.results.overlay import overlay
from freeseg.results.writers import write_result


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What is where in one photo: a label and a confidence for each pixel.

    Attributes:
        mask: (H, W) uint8, or uint16 with more than 255 labels. Value i means `labels[i]`, and 255 "don't know".
        confidence: (H, W) float32 in [0, 1].
        labels: Names by index, all different, with "background" first where there is one. With more than 255 names,
            `labels[255]` is "don't know" (see `freeseg.mask_values.reserve_ignore`).
        photo: RGB, upright, of the mask's size. That of a large JPEG is decoded when its pixels are first needed.
        name: The photo's name, for file names and messages.
        model: Name of the model that made the mask.
        presence: A finite image-level score by label, for all labels, some or none.
        candidates: The labels that competed for the pixels with the background: those known to be in the photo, else
            those that the presence rule allowed. Empty where this is not known.
        source: The path of the photo's file as it was given; empty where there is none, as of an array.

    Raises:
        ValueError: The parts do not fit together.

    Example:
        >>> mask = np.array([[0, 1], [1, 255]], np.uint8)
        >>> confidence = np.full((2, 2), 0.5, np.float32)
        >>> result = Segmentation(mask, confidence, ("background", "cat"), Image.new("RGB", (2, 2)))
        >>> result.present
        ['cat', 'background']
    """

    mask: Mask
    confidence: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    photo: Image.Image
    name: str = "photo"
    model: str = ""
    presence: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        _check_labels(self.labels, self.presence)
        _check_mask(self.mask, len(self.labels))
        shape = self.mask.shape
        if self.confidence.shape != shape or self.confidence.dtype != np.float32:
            found = f"{self.confidence.shape} {self.confidence.dtype}"
            raise ValueError(f"confidence must be {shape} float32 like the mask, not {found}")
        if not (self.confidence.min() >= 0 and self.confidence.max() <= 1):  # written so that NaN fails
            raise ValueError("confidence must lie in [0, 1]")
        if self.photo.mode != "RGB" or self.photo.size != shape[::-1]:
            raise ValueError(f"photo must be RGB of {shape[::-1]}, not {self.photo.mode} of {self.photo.size}")

    @property
    def present(self) -> list[str]:
        """The labels that have at least one pixel, largest area first; never "don't know"."""
        return list(self.areas())

    @property
    def found(self) -> list[str]:
        """The labels of `present` without the background: what was asked for and is there."""
        return (
            self.present if not has_background(self.labels) else [each for each in self.present if each != BACKGROUND]
        )

    def areas(self) -> dict[str, float]:
        """The share of all pixels, in (0, 1], of each label that has pixels, largest first.

        The shares and that of "don't know" add up to 1.
        """
        pixels = self._pixels()
        order = sorted(label_values(self.labels), key=lambda index: -pixels[index])  # ties stay in label order
        return {self.labels[index]: float(pixels[index] / self.mask.size) for index in order if pixels[index]}

    def label_mask(self, label: str) -> npt.NDArray[np.bool_]:
        """Where a label is, as (H, W) bool.

        Raises:
            LabelError: The label is not one of `labels`.
        """
        return np.asarray(self.mask == self._index(label))

    def mean_confidence(self, label: str) -> float:
        """Mean confidence over a label's pixels, in [0, 1]; 0 where it has none.

        Raises:
            LabelError: The label is not one of `labels`.
        """
        return float(mean_confidence_by_value(self.mask, self.confidence, self._pixels())[self._index(label)])

    def to_coco(self, image_id: SupportsIndex = 1) -> dict[str, Any]:
        """A COCO dataset of this one photo, as `pycocotools.coco.COCO` loads it.

        Args:
            image_id: An integer from 0 up; photos with the same labels and different ids can be put into one dataset.
                The ids of their annotations are at least 1 and differ.

        Returns:
            info, images, categories (all labels but the background) and annotations, as `freeseg.results.coco` has
            them. The image's file_name is `source`, or `name` where there is none.

        Raises:
            ValueError: `image_id` is no integer, or below 0.
        """
        number = checked_image_id(image_id)
        first_id = first_annotation_id(number, self.labels)
        height, width = self.mask.shape
        image = {"id": number, "file_name": printable(self.source or self.name), "width": width, "height": height}
        return {
            "info": {"description": DESCRIPTION, **self._source()},
            "images": [image],
            "categories": coco_categories(self.labels),
            "annotations": coco_annotations(
                self.mask, self.confidence, self.labels, image_id=number, first_id=first_id
            ),
        }

    def to_dict(self) -> dict[str, Any]:
        """A summary for JSON: name, width, height, model, labels, and ignored (the share of "don't know").

        There is a source too where the photo is from a file: its path as it was given.

        Each of labels has index, label, colour ("#rrggbb", as the overlay shows it), pixels, area (share of the
        pixels), confidence (mean), presence (None where it was not measured) and rle (as in COCO; None where there
        are no pixels).
        """
        colours = display_palette(self.labels)
        pixels = self._pixels()
        confidence = mean_confidence_by_value(self.mask, self.confidence, pixels)
        shown = [index for index in label_values(self.labels) if pixels[index]]
        runs = dict(zip(shown, rle.encode_values(self.mask, shown), strict=True))
        entries = [
            {
                "index": index,
                "label": printable(self.labels[index]),
                "colour": "#" + colours[index].tobytes().hex(),
                "pixels": int(pixels[index]),
                "area": round(float(pixels[index] / self.mask.size), 6),
                "confidence": round(float(confidence[index]), 6),
                "presence": self._presence(index),
                "rle": runs.get(index),
            }
            for index in label_values(self.labels)
        ]
        return {
            "name": printable(self.name),
            **self._source(),
            "width": self.photo.width,
            "height": self.photo.height,
            "model": self.model,
            "labels": entries,
            "ignored": round(float(pixels[IGNORE] / self.mask.size), 6),
        }

    def overlay(self, *, alpha: float = 0.55, reduce: int = 1) -> Image.Image:
        """The photo under translucent colours, with a legend below it; see `freeseg.results.overlay.overlay`.

        Args:
            alpha: Opacity of the colours, in [0, 1].
            reduce: By what the photo's sides are divided first; of a large JPEG, less is decoded then.

        Raises:
            ValueError: `alpha` is not in [0, 1].
        """
        photo = reduced(self.photo, reduce)
        return overlay(photo, self.mask[::reduce, ::reduce], self.labels, self.areas(), alpha=alpha)

    def cutout(self, *labels: str) -> Image.Image:
        """What some labels show, on transparent ground: an RGBA picture of the photo's size.

        Args:
            labels: Names of labels; all of `found` if there are none.

        Raises:
            LabelError: One of them is not one of `labels`.

        Example:
            >>> import freeseg, numpy as np
            >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat, dog")
            >>> result.cutout("cat").mode, result.cutout().size
            ('RGBA', (60, 40))
        """
        where = np.zeros(self.mask.shape, np.bool_)
        for label in labels or self.found:
            where |= self.label_mask(label)
        return cutout(self.photo, where)

    def mask_image(self) -> Image.Image:
        """The mask as a palette picture in the VOC colour map, or in 16-bit grey with more than 255 labels."""
        image = Image.fromarray(self.mask)
        if self.mask.dtype == np.uint8:
            image.putpalette(palette(256).tobytes())
        return image

    def save(
        self,
        folder: str | Path,
        stem: str | None = None,
        *,
        formats: str | Sequence[str] = DEFAULT_FORMATS,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write files to a folder, by default `STEM.overlay.jpg`, `STEM.mask.png` and `STEM.json`.

        The mask is a palette PNG in the VOC colour map, where 255 is "don't know"; with more than 255 labels it is a
        16-bit grey PNG. A file is there whole or not at all.

        Args:
            folder: Made if need be.
            stem: The files' name without ending; "a/b/cat" is in sub-folders. By default it is that of `name`, or
                where another photo's result has that place, another that follows from the photo.
            formats: Names of formats in `freeseg.results.writers.ENCODERS`.
            overwrite: Whether files may be overwritten that FreeSeg did not write, and those of another photo's
                result if `stem` says so. The photo itself is never overwritten.

        Returns:
            The paths, in the order of the formats.

        Raises:
            OutputError: There is no such format, the stem leads out of the folder, a file is in the way, or a file
                cannot be written.
        """
        return write_result(self, folder, stem, formats=formats, overwrite=overwrite)

    def _source(self) -> dict[str, str]:
        return {"source": printable(self.source)} if self.source else {}

    def _pixels(self) -> npt.NDArray[np.int64]:
        return pixels_by_value(self.mask, count=len(self.labels))

    def _index(self, label: str) -> int:
        if label not in self.labels:
            known = ", ".join(self.labels)
            known = known if len(known) <= 500 else known[:500] + f"... ({len(self.labels)} in all)"
            raise LabelError(f"no label {shortened(label)}; the labels are {known}")
        return self.labels.index(label)

    def _presence(self, index: int) -> float | None:
        score = self.presence.get(self.labels[index])
        return None if score is None else round(float(score), 6)


def _check_labels(labels: tuple[str, ...], presence: Mapping[str, float]) -> None:
    if not isinstance(labels, tuple) or not labels:
        raise ValueError("labels must be a tuple of at least one name")
    if len(set(labels)) != len(labels):
        raise ValueError("labels must all be different")
    if len(labels) > IGNORE and labels[IGNORE] != DONT_KNOW:
        raise ValueError(f"with more than 255 labels, labels[255] must be {DONT_KNOW!r}: use reserve_ignore(labels)")
    strange = [label for label, score in presence.items() if label not in labels or not math.isfinite(score)]
    if strange:
        raise ValueError(f"presence must be a finite score by label; check {strange[0]!r}")


def _check_mask(mask: npt.NDArray[Any], count: int) -> None:
    dtype = np.uint8 if count <= IGNORE else np.uint16
    if mask.ndim != 2 or mask.size == 0 or mask.dtype != dtype:
        expected = f"(H, W) {np.dtype(dtype)}, not empty, for {count} labels"
        raise ValueError(f"mask must be {expected}; it is {mask.shape} {mask.dtype}")
    if mask.max(initial=0, where=mask != IGNORE) >= count:
        raise ValueError(f"mask holds values beyond its {count} labels")
