"""The result of segmenting one photo by words: a label and a confidence per pixel, and ways to use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.errors import LabelError, shortened
from freeseg.mask_values import BACKGROUND, Mask, has_background, label_values
from freeseg.photos import frame_reference, reduced
from freeseg.results.checks import check_labels, check_mask
from freeseg.results.coco import bounding_box
from freeseg.results.conversions import (
    coco_dataset,
    data_frame,
    detections,
    notebook_html,
    notebook_png,
    segments,
    summary,
)
from freeseg.results.counting import mean_confidence_by_value, pixels_by_value
from freeseg.results.cutouts import cutout
from freeseg.results.drawing import palette
from freeseg.results.formats import DEFAULT_FORMATS
from freeseg.results.objects import LEAST_SHARE, Objects
from freeseg.results.overlay import overlay
from freeseg.results.writers import write_result

if TYPE_CHECKING:
    import pandas
    import supervision


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
        source: The path of the photo's file as it was given, or its URL; empty where there is none, as of an array.
        frame: Which of the file's frames or pages the photo is, from 1; 0 for what is no frame.

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
    frame: int = 0

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        check_labels(self.labels, self.presence)
        check_mask(self.mask, len(self.labels))
        shape = self.mask.shape
        if self.confidence.shape != shape or self.confidence.dtype != np.float32:
            found = f"{self.confidence.shape} {self.confidence.dtype}"
            raise ValueError(f"confidence must be {shape} float32 like the mask, not {found}")
        if not (self.confidence.min() >= 0 and self.confidence.max() <= 1):  # written so that NaN fails
            raise ValueError("confidence must lie in [0, 1]")
        if self.photo.mode != "RGB" or self.photo.size != shape[::-1]:
            raise ValueError(f"photo must be RGB of {shape[::-1]}, not {self.photo.mode} of {self.photo.size}")

    @property
    def reference(self) -> str:
        """What tables and datasets call the photo: `source`, with the frame's number after it; or else `name`.

        Example:
            >>> import freeseg, numpy as np
            >>> freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat").reference
            'photo'
        """
        return frame_reference(self.source, self.frame) or self.name

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

    def mask_of(self, label: str) -> npt.NDArray[np.bool_]:
        """Where a label is, as (H, W) bool.

        Raises:
            LabelError: The label is not one of `labels`.
        """
        return np.asarray(self.mask == self._index(label))

    label_mask = mask_of  # its name in 0.1.0

    def mean_confidence(self, label: str) -> float:
        """Mean confidence over a label's pixels, in [0, 1]; 0 where it has none.

        Raises:
            LabelError: The label is not one of `labels`.
        """
        return float(mean_confidence_by_value(self.mask, self.confidence, self._pixels())[self._index(label)])

    def to_coco(
        self,
        image_id: SupportsIndex = 1,
        *,
        instances: bool = False,
        min_area: float = LEAST_SHARE,
        polygons: bool = False,
    ) -> dict[str, Any]:
        """A COCO dataset of this one photo, as `pycocotools.coco.COCO` loads it.

        Args:
            image_id: An integer from 0 up; photos with the same labels and different ids can be put into one dataset.
                The ids of their annotations are at least 1 and differ.
            instances: Whether each connected part of a label has an annotation of its own.
            min_area: With `instances`, parts smaller than this are left out: a share of the photo's pixels below 1, a
                number of pixels from 1 on.
            polygons: Whether outlines are polygons; otherwise they are run-length codes.

        Returns:
            info, images, categories (all labels but the background) and annotations, as `freeseg.results.coco` has
            them. The image's file_name is `reference`.

        Raises:
            ValueError: `image_id` is no integer, or below 0.
            FreeSegError: `min_area` is below 0.
        """
        return coco_dataset(self, image_id, Objects(instances, min_area, polygons))

    def to_dict(self) -> dict[str, Any]:
        """A summary for JSON: name, width, height, model, labels, and ignored (the share of "don't know").

        There is a source too where the photo is from a file: its path as it was given. Of a frame or a page of a file,
        there is the number frame after it.

        Each of labels has index, label, colour ("#rrggbb", as the overlay shows it), pixels, area (share of the
        pixels), confidence (mean), presence (None where it was not measured) and rle (as in COCO; None where there
        are no pixels).
        """
        return summary(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a row for each label that has pixels, as `freeseg segment --table` writes it.

        Raises:
            FreeSegError: pandas is not installed.
        """
        return data_frame(self)

    def to_supervision(self, *, instances: bool = False, min_area: float = LEAST_SHARE) -> supervision.Detections:
        """What was found as `supervision.Detections`: boxes, masks, mean confidences, and names as `class_name`.

        A class_id is the place of a label in `labels`, without the background.

        Args:
            instances: Whether each connected part of a label is a detection of its own.
            min_area: As `to_coco` takes it.

        Raises:
            FreeSegError: supervision is not installed, or `min_area` is below 0.
        """
        return detections(self, Objects(instances, min_area))

    def to_transformers(self, *, instances: bool = False, min_area: float = LEAST_SHARE) -> list[dict[str, Any]]:
        """What was found as the image-segmentation pipeline of transformers gives it; transformers is not needed.

        Args:
            instances: Whether each connected part of a label is an entry of its own.
            min_area: As `to_coco` takes it.

        Returns:
            An entry for each label that was found, in the order of `labels`, without the background: "score", the mean
            confidence in [0, 1]; "label"; and "mask", a PIL picture in mode "L" that is 255 there and 0 elsewhere.

        Raises:
            FreeSegError: `min_area` is below 0.

        Example:
            >>> import freeseg
            >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
            >>> [(each["label"], each["mask"].mode, each["mask"].getextrema()) for each in result.to_transformers()]
            [('cat', 'L', (255, 255))]
        """
        return segments(self, Objects(instances, min_area))

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
            where |= self.mask_of(label)
        return cutout(self.photo, where)

    def crop(self, label: str) -> Image.Image:
        """The part of the photo around a label: an RGB picture as large as the box around its pixels.

        Raises:
            LabelError: The label is not one of `labels`, or has no pixels.

        Example:
            >>> import freeseg, numpy as np
            >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
            >>> result.crop("cat").size
            (60, 40)
        """
        where = self.mask_of(label)
        if not where.any():
            raise LabelError(
                f"no pixel shows {shortened(label)}; what was found: {shortened(', '.join(self.found), 500)}"
            )
        left, top, width, height = bounding_box(where)
        return self.photo.crop((left, top, left + width, top + height))

    def show(self) -> None:
        """Show the overlay in the system's own program for pictures."""
        self.overlay().show(title=self.name)

    def __len__(self) -> int:
        """How many labels were found."""
        return len(self.found)

    def __iter__(self) -> Iterator[str]:
        """The labels that were found."""
        return iter(self.found)

    def __bool__(self) -> bool:
        """True, also where nothing was found: it is a result all the same."""
        return True

    def __eq__(self, other: object) -> bool:
        """Whether another result says the same of the same photo."""
        if not isinstance(other, Segmentation):
            return NotImplemented
        return self is other or (
            self._told() == other._told()
            and np.array_equal(self.mask, other.mask)
            and np.array_equal(self.confidence, other.confidence)
            and self.photo.tobytes() == other.photo.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.labels, self.name, self.model, self.source, self.mask.shape))

    def _repr_png_(self) -> bytes:
        """What notebooks show."""
        return notebook_png(self)

    def _repr_html_(self) -> str:
        """What notebooks show where they show HTML."""
        return notebook_html(self)

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
        instances: bool = False,
        min_area: float = LEAST_SHARE,
        polygons: bool = False,
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
            instances: Whether each connected part of a label is an object of its own in `coco` and `labelstudio`, and
                has a number in `labelme`. In `yolo` and `labelme` it always is one.
            min_area: Parts smaller than this are left out where they are objects of their own: a share of the photo's
                pixels below 1, a number of pixels from 1 on.
            polygons: Whether `coco` and `labelstudio` have polygons, which are simplified; otherwise each pixel counts.

        Returns:
            The paths, in the order of the formats.

        Raises:
            OutputError: There is no such format, the stem leads out of the folder, a file is in the way, or a file
                cannot be written.
            FreeSegError: `min_area` is below 0.
        """
        objects = Objects(instances, min_area, polygons)
        return write_result(self, folder, stem, formats=formats, overwrite=overwrite, objects=objects)

    def _told(self) -> tuple[Any, ...]:
        """All of a result but its arrays and its photo."""
        return self.labels, self.name, self.model, dict(self.presence), self.candidates, self.reference, self.photo.size

    def _pixels(self) -> npt.NDArray[np.int64]:
        return pixels_by_value(self.mask, count=len(self.labels))

    def _index(self, label: str) -> int:
        if label not in self.labels:
            known = ", ".join(self.labels)
            known = known if len(known) <= 500 else known[:500] + f"... ({len(self.labels)} in all)"
            raise LabelError(f"no label {shortened(label)}; the labels are {known}")
        return self.labels.index(label)
