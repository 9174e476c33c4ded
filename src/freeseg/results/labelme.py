"""Masks as LabelMe has them: a JSON file of polygons beside the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from freeseg.files import printable
from freeseg.results.objects import Objects
from freeseg.results.parts import find_parts

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

VERSION = "5.5.0"  # of LabelMe, whose form of the file this is


def labelme_file(result: Segmentation, image_path: str, objects: Objects | None = None) -> dict[str, Any]:
    """A result as the content of a LabelMe file: a polygon for each connected part of each label, holes left open.

    Args:
        result: The result; the background has no polygons.
        image_path: The photo's path, from the folder of the file.
        objects: Which parts are too small, and whether each gets a number of its own as `group_id`, by which LabelMe
            tells instances apart.

    Example:
        >>> import freeseg, numpy as np
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
        >>> file = labelme_file(result, "cat.jpg")
        >>> file["imagePath"], file["shapes"][0]["label"], file["shapes"][0]["points"][2]
        ('cat.jpg', 'cat', [60.0, 40.0])
    """
    chosen = objects or Objects()
    least = chosen.least_pixels(result.mask.size)
    values = [result.labels.index(label) for label in result.found]
    parts = find_parts(result.mask, values, least_pixels=least)
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [
            _shape(
                result.labels[value],
                parts.outline(number, least_hole=least).tolist(),
                group=number if chosen.instances else None,
            )
            for number, value in enumerate(parts.values.tolist(), start=1)
        ],
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": result.photo.height,
        "imageWidth": result.photo.width,
    }


def _shape(label: str, points: list[list[float]], *, group: int | None) -> dict[str, Any]:
    return {
        "label": printable(label),
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": "polygon",
        "flags": {},
        "mask": None,
    }
