"""The result of segmenting one photo by words: a label and a confidence per pixel, and ways to use them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.errors import LabelError, OutputError
from freeseg.files import escapes_folder, printable, write_json, write_picture
from freeseg.mask_values import BACKGROUND, DONT_KNOW, IGNORE
from freeseg.results import drawing, rle

_BLOCK_ROWS = 256
_JPEG_SIDE = 65_500  # pixels: the most that JPEG writers take


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What is where in one photo.

    Attributes:
        mask: (H, W) uint8, or uint16 with more than 255 labels. Value i means `labels[i]`, 255 "don't know".
        confidence: (H, W) float32 in [0, 1].
        labels: Names by index, all different; "background" first where background was on. With more than 255,
            `labels[255]` is "don't know" (see `reserve_ignore`).
        photo: RGB, upright, the mask's size.
        name: Where the photo came from, for file names and messages.
        model: Which model made the mask.
        presence: Image-level score by label, finite; may be empty or hold only some labels.
        candidates: The labels that competed for the pixels with the background: those known to be in the photo, else
            those that the presence rule let appear. Empty where that is not told.

    Raises:
        ValueError: The parts do not fit together.

    Example:
        >>> mask = np.array([[0, 1], [1, 255]], np.uint8)
        >>> confidence = np.full((2, 2), 0.5, np.float32)
        >>> result = Segmentation(mask, confidence, ("background", "cat"), Image.new("RGB", (2, 2)))
        >>> result.present
        ['cat', 'background']
    """

    mask: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    photo: Image.Image
    name: str = "photo"
    model: str = ""
    presence: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()

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

    def areas(self) -> dict[str, float]:
        """Share of all pixels, in (0, 1], of each label that has any, largest first.

        The shares add up to 1 less the share of "don't know".
        """
        pixels = self._pixels()
        order = sorted(_real(self.labels), key=lambda index: -pixels[index])  # stable: ties in label order
        return {self.labels[index]: float(pixels[index] / self.mask.size) for index in order if pixels[index]}

    def label_mask(self, label: str) -> npt.NDArray[np.bool_]:
        """Where a label is, (H, W) bool.

        Raises:
            LabelError: The label is not one of `labels`.
        """
        return np.asarray(self.mask == self._index(label))

    def mean_confidence(self, label: str) -> float:
        """Mean confidence over a label's pixels, in [0, 1]; 0 where it has none.

        Raises:
            LabelError: The label is not one of `labels`.
        """
        inside = self.confidence[self.label_mask(label)]
        return float(inside.mean(dtype=np.float64)) if inside.size else 0.0

    def to_coco(self, image_id: int = 1) -> dict[str, Any]:
        """A COCO dataset of this photo, as `pycocotools.coco.COCO` loads it; background is left out.

        A category's id is its mask value where background is value 0, else its mask value + 1, since 0 stands
        for background in many tools. Annotation ids differ between photos of the same labels and different
        `image_id`, from 1 up.

        Returns:
            images, categories (all labels), and annotations: one for each present label, with segmentation
            (compressed RLE), area (pixels), bbox [x, y, width, height], iscrowd 0, score (mean confidence).
        """
        kept = [index for index in _real(self.labels) if not self._is_background(index)]
        first = 0 if self._is_background(0) else 1
        height, width = self.mask.shape
        pixels, confidence = self._totals()
        annotations = [
            {
                "id": (image_id - 1) * len(self.labels) + index + 1,
                "image_id": image_id,
                "category_id": index + first,
                "segmentation": rle.encode(self.mask == index),
                "area": int(pixels[index]),
                "bbox": _box(self.mask == index),
                "iscrowd": 0,
                "score": round(float(confidence[index]), 6),
            }
            for index in kept
            if pixels[index]
        ]
        return {
            "images": [{"id": image_id, "file_name": printable(self.name), "width": width, "height": height}],
            "categories": [{"id": index + first, "name": printable(self.labels[index])} for index in kept],
            "annotations": annotations,
        }

    def to_dict(self) -> dict[str, Any]:
        """A summary for JSON: name, width, height, model, labels, ignored (share of "don't know").

        Each of labels has index, label, colour ("#rrggbb", as the overlay shows it), pixels, area (share),
        confidence (mean), presence (None where it was not measured), rle (as in COCO; None without pixels).
        """
        colours = drawing.display_palette(self.labels)
        pixels, confidence = self._totals()
        entries = [
            {
                "index": index,
                "label": printable(self.labels[index]),
                "colour": "#" + colours[index].tobytes().hex(),
                "pixels": int(pixels[index]),
                "area": round(float(pixels[index] / self.mask.size), 6),
                "confidence": round(float(confidence[index]), 6),
                "presence": self._presence(index),
                "rle": rle.encode(self.mask == index) if pixels[index] else None,
            }
            for index in _real(self.labels)
        ]
        return {
            "name": printable(self.name),
            "width": self.photo.width,
            "height": self.photo.height,
            "model": self.model,
            "labels": entries,
            "ignored": round(float(pixels[IGNORE] / self.mask.size), 6),
        }

    def overlay(self, alpha: float = 0.55) -> Image.Image:
        """The photo under translucent colours, with a legend below it; see `freeseg.results.drawing.overlay`.

        Raises:
            ValueError: `alpha` is not in [0, 1].
        """
        return drawing.overlay(self.photo, self.mask, self.labels, self.areas(), alpha)

    def mask_image(self) -> Image.Image:
        """The mask as a picture: palette in the VOC colour map, or 16-bit grey with more than 255 labels."""
        image = Image.fromarray(self.mask)
        if self.mask.dtype == np.uint8:
            image.putpalette(drawing.palette(256).tobytes())
        return image

    def save(self, folder: str | Path, stem: str | None = None) -> list[Path]:
        """Write `<stem>.overlay.jpg`, `<stem>.mask.png` and `<stem>.json` to a folder.

        The mask is a palette PNG in the VOC colour map, 255 = "don't know"; with more than 255 labels a 16-bit
        greyscale PNG. Each file is there whole or not at all, the JSON last.

        Args:
            folder: Made if need be.
            stem: Name without ending, by default that of `name`; may be in sub-folders, "a/b/cat".

        Returns:
            The three paths, in the order above.

        Raises:
            OutputError: The stem leads out of the folder, or a file cannot be written.
        """
        start = _inside(Path(folder), stem if stem is not None else Path(self.name).stem or "photo")
        paths = [start.with_name(start.name + ending) for ending in (".overlay.jpg", ".mask.png", ".json")]
        overlay = self.overlay()
        overlay.thumbnail((_JPEG_SIDE, _JPEG_SIDE))  # only a photo that is longer becomes smaller
        # 4:4:4, since chroma subsampling blurs thin lines and coloured edges.
        write_picture(paths[0], overlay, "JPEG", quality=90, subsampling=0)
        write_picture(paths[1], self.mask_image(), "PNG")
        write_json(paths[2], self.to_dict())
        return paths

    def _pixels(self) -> npt.NDArray[np.int64]:
        """Pixels by mask value, at least 256 of them."""
        if self.mask.dtype == np.uint8:
            return np.array(Image.fromarray(self.mask).histogram())  # 15 times as fast as `bincount`
        return np.bincount(self.mask.ravel(), minlength=len(self.labels))

    def _totals(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Pixels and mean confidence by mask value, at least 256 of each; in blocks, for `bincount` casts."""
        pixels = self._pixels()
        total = np.zeros(len(pixels), np.float64)
        for top in range(0, len(self.mask), _BLOCK_ROWS):
            rows = slice(top, top + _BLOCK_ROWS)
            total += np.bincount(self.mask[rows].ravel(), self.confidence[rows].ravel(), len(total))
        return pixels, total / np.maximum(pixels, 1)

    def _index(self, label: str) -> int:
        if label not in self.labels:
            known = ", ".join(self.labels)
            known = known if len(known) <= 500 else known[:500] + f"... ({len(self.labels)} in all)"
            raise LabelError(f"no label {label!r}; the labels are {known}")
        return self.labels.index(label)

    def _is_background(self, index: int) -> bool:
        return index == 0 and self.labels[0] == BACKGROUND

    def _presence(self, index: int) -> float | None:
        score = self.presence.get(self.labels[index])
        return None if score is None else round(float(score), 6)


def _real(labels: Sequence[str]) -> list[int]:
    """The indices that stand for a label, so not 255."""
    return [index for index in range(len(labels)) if index != IGNORE]


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


def _box(inside: npt.NDArray[np.bool_]) -> list[int]:
    """COCO's [x, y, width, height] around the true pixels, of which there are some."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def _inside(folder: Path, stem: str) -> Path:
    """The path of a stem in a folder, refused where it would lead out of it, also by a link."""
    path = Path(stem)
    if not path.name or escapes_folder(stem) or not (folder / path).parent.resolve().is_relative_to(folder.resolve()):
        raise OutputError(f"{stem!r} does not stay inside {folder}; use a relative name without '..'")
    return folder / path
