"""Masks in the form of COCO's JSON, as `pycocotools.coco.COCO` loads it.

The background and "don't know" are no categories. A category's id is its mask value where there is a background, and
otherwise its mask value + 1, since 0 stands for the background in many tools.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from freeseg.files import printable
from freeseg.mask_values import Mask, has_background, label_values
from freeseg.results import rle
from freeseg.results.counting import mean_confidence_by_value, pixels_by_value
from freeseg.results.objects import Objects
from freeseg.results.parts import Parts, find_parts

DESCRIPTION = "a photo segmented by FreeSeg"  # by which a file is known to be FreeSeg's
WHOLE_LABELS = Objects()
MOST_PARTS = 1 << 20  # of a photo that get an annotation: as many ids as each photo has then


def coco_categories(labels: Sequence[str]) -> list[dict[str, Any]]:
    """The categories of masks with these labels, each with its id and name.

    Example:
        >>> coco_categories(["background", "cat"])
        [{'id': 1, 'name': 'cat'}]
    """
    return [{"id": number, "name": printable(labels[value])} for value, number in _category_ids(labels).items()]


def coco_annotations(
    mask: Mask,
    confidence: npt.NDArray[np.float32],
    labels: Sequence[str],
    *,
    image_id: int,
    first_id: int,
    objects: Objects = WHOLE_LABELS,
) -> list[dict[str, Any]]:
    """The annotations of a photo, one for each label that has pixels, or for each connected part of one.

    Args:
        mask: (H, W) indices into `labels`, and 255 for "don't know".
        confidence: (H, W) float32 in [0, 1].
        labels: Names by index.
        image_id: The photo's id.
        first_id: The annotation of mask value i gets the id `first_id + i`, at most `first_id + len(labels) - 1`.
            With `objects.instances` the ids count up from `first_id`, at most to `first_id + MOST_PARTS - 1`.
        objects: What has an annotation, and whether its outline is a run-length code or polygons. A polygon's area
            differs from that of its pixels by at most 1 %; it goes to each hole and around it.

    Returns:
        For each object: id, image_id, category_id, segmentation (compressed RLE, or polygons), area (pixels), bbox
        [x, y, width, height], iscrowd 0, and score (the mean confidence of its pixels).

    Example:
        >>> mask, confidence = np.array([[0, 1]], np.uint8), np.ones((1, 2), np.float32)
        >>> [cat] = coco_annotations(mask, confidence, ["background", "cat"], image_id=1, first_id=1)
        >>> cat["area"], cat["bbox"], cat["score"]
        (1, [1, 0, 1, 1], 1.0)
    """
    categories = _category_ids(labels)
    if objects.instances:
        parts = find_parts(mask, list(categories), least_pixels=objects.least_pixels(mask.size))
        shown = dict(enumerate(parts.values[:MOST_PARTS].tolist(), start=1))
        return _annotations(
            parts.numbers,
            confidence,
            {number: categories[value] for number, value in shown.items()},
            boxes=parts.boxes.tolist(),
            shapes=[[_flat(parts, number)] for number in shown] if objects.polygons else None,
            image_id=image_id,
            ids=range(first_id, first_id + len(shown)),
        )
    pixels = pixels_by_value(mask, count=len(labels))
    present = [value for value in categories if pixels[value]]
    return _annotations(
        mask,
        confidence,
        {value: categories[value] for value in present},
        boxes=[bounding_box(mask == value) for value in present],
        shapes=_polygons_by_value(mask, present) if objects.polygons else None,
        image_id=image_id,
        ids=[first_id + value for value in present],
    )


def _annotations(
    regions: npt.NDArray[Any],
    confidence: npt.NDArray[np.float32],
    category_of: dict[int, int],
    *,
    boxes: Sequence[list[int]],
    shapes: Sequence[Any] | None,
    image_id: int,
    ids: Sequence[int],
) -> list[dict[str, Any]]:
    """The annotations of regions, each of which is where `regions` has one number; run-length codes without shapes."""
    pixels = pixels_by_value(regions, count=max(category_of, default=0) + 1)
    mean_confidence = mean_confidence_by_value(regions, confidence, pixels)
    return [
        {
            "id": annotation_id,
            "image_id": image_id,
            "category_id": category_id,
            "segmentation": shape,
            "area": int(pixels[number]),
            "bbox": box,
            "iscrowd": 0,
            "score": round(float(mean_confidence[number]), 6),
        }
        for annotation_id, (number, category_id), box, shape in zip(
            ids,
            category_of.items(),
            boxes[: len(category_of)],
            rle.encode_values(regions, list(category_of)) if shapes is None else shapes,
            strict=True,
        )
    ]


def _polygons_by_value(mask: Mask, values: Sequence[int]) -> list[list[list[float]]]:
    """The polygons of all parts that have a value, for each of several values."""
    parts = find_parts(mask, values)
    return [[_flat(parts, number) for number in parts.of_value(value)] for value in values]


def _flat(parts: Parts, number: int) -> list[float]:
    """A part's polygon as COCO has it: x and y in turn."""
    flat: list[float] = parts.outline(number).ravel().tolist()
    return flat


def checked_image_id(image_id: SupportsIndex) -> int:
    """An image's id as a plain integer, from 0 up; NumPy's integers are taken too.

    Raises:
        ValueError: It is no integer, or below 0.

    Example:
        >>> checked_image_id(np.int64(7))
        7
    """
    try:
        number = operator.index(image_id)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"image_id must be an integer of at least 0, not {str(image_id)[:50]!r}")
    return number


def first_annotation_id(image_id: int, labels: Sequence[str], objects: Objects = WHOLE_LABELS) -> int:
    """The first id for the annotations of a photo: from 1 up, since tools take an annotation id of 0 for "no match".

    Each image id has a range of ids of its own, as long as there are labels, or of `MOST_PARTS` where each part has an
    id. Image 1 has the first range and image 0 the second, so that images may be numbered from 0 or from 1.

    Example:
        >>> [first_annotation_id(image_id, ["background", "cat"]) for image_id in range(4)]
        [3, 1, 5, 7]
    """
    place = 1 - image_id if image_id <= 1 else image_id
    return place * (MOST_PARTS if objects.instances else len(labels)) + 1


def _category_ids(labels: Sequence[str]) -> dict[int, int]:
    """The category's id of each mask value that has one."""
    if has_background(labels):
        return {value: value for value in label_values(labels)[1:]}
    return {value: value + 1 for value in label_values(labels)}


def bounding_box(inside: npt.NDArray[np.bool_]) -> list[int]:
    """COCO's [x, y, width, height] around the true pixels, of which there is at least one.

    Example:
        >>> bounding_box(np.array([[False, False, True], [False, True, False]]))
        [1, 0, 2, 2]
    """
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
