"""Masks in the form of COCO's JSON, as `pycocotools.coco.COCO` loads it.

The background and "don't know" are no categories. A category's id is its mask value where there is a background, and
otherwise its mask value + 1, since 0 stands for the background in many tools.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from freeseg.files import printable
from freeseg.mask_values import Mask, has_background, label_values
from freeseg.results import rle
from freeseg.results.counting import mean_confidence_by_value, pixels_by_value


def coco_categories(labels: Sequence[str]) -> list[dict[str, Any]]:
    """The categories of masks with these labels, each with its id and name.

    Example:
        >>> coco_categories(["background", "cat"])
        [{'id': 1, 'name': 'cat'}]
    """
    return [{"id": number, "name": printable(labels[value])} for value, number in _category_ids(labels).items()]


def coco_annotations(
    mask: Mask, confidence: npt.NDArray[np.float32], labels: Sequence[str], *, image_id: int
) -> list[dict[str, Any]]:
    """The annotations of a photo, one for each label that has pixels.

    Args:
        mask: (H, W) indices into `labels`, and 255 for "don't know".
        confidence: (H, W) float32 in [0, 1].
        labels: Names by index.
        image_id: From 1 up. Annotation ids follow from it, so that those of two photos with the same labels differ.

    Returns:
        For each label with pixels: id, image_id, category_id, segmentation (compressed RLE), area (pixels), bbox
        [x, y, width, height], iscrowd 0, and score (the mean confidence of its pixels).

    Example:
        >>> mask, confidence = np.array([[0, 1]], np.uint8), np.ones((1, 2), np.float32)
        >>> [cat] = coco_annotations(mask, confidence, ["background", "cat"], image_id=1)
        >>> cat["area"], cat["bbox"], cat["score"]
        (1, [1, 0, 1, 1], 1.0)
    """
    pixels = pixels_by_value(mask, count=len(labels))
    mean_confidence = mean_confidence_by_value(mask, confidence, pixels)
    return [
        {
            "id": (image_id - 1) * len(labels) + value + 1,
            "image_id": image_id,
            "category_id": category_id,
            "segmentation": rle.encode(mask == value),
            "area": int(pixels[value]),
            "bbox": _bounding_box(mask == value),
            "iscrowd": 0,
            "score": round(float(mean_confidence[value]), 6),
        }
        for value, category_id in _category_ids(labels).items()
        if pixels[value]
    ]


def _category_ids(labels: Sequence[str]) -> dict[int, int]:
    """The category's id of each mask value that has one."""
    if has_background(labels):
        return {value: value for value in label_values(labels)[1:]}
    return {value: value + 1 for value in label_values(labels)}


def _bounding_box(inside: npt.NDArray[np.bool_]) -> list[int]:
    """COCO's [x, y, width, height] around the true pixels, of which there is at least one."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
