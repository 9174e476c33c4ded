"""Masks as LabelMe has them: a JSON file of polygons beside the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from freeseg.files import printable
from freeseg.results.polygons import polygons

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

VERSION = "5.5.0"  # of LabelMe, whose form of the file this is
LEAST_SHARE = 1e-4  # of the photo's pixels; smaller parts and holes are specks that nobody would draw
TOLERANCE = 0.5  # pixels between a polygon and the mask's own outline


def labelme_file(result: Segmentation, image_path: str) -> dict[str, Any]:
    """A result as the content of a LabelMe file: a polygon for each part of each label, holes left open.

    Args:
        result: The result; the background has no polygons.
        image_path: The photo's path, from the folder of the file.

    Example:
        >>> import freeseg, numpy as np
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
        >>> file = labelme_file(result, "cat.jpg")
        >>> file["imagePath"], file["shapes"][0]["label"], file["shapes"][0]["points"][2]
        ('cat.jpg', 'cat', [60.0, 40.0])
    """
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [
            _shape(label, points.tolist())
            for label in result.found
            for points in polygons(
                result.label_mask(label),
                tolerance=TOLERANCE,
                least_area=LEAST_SHARE * result.mask.size,
                holes=True,
            )
        ],
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": result.photo.height,
        "imageWidth": result.photo.width,
    }


def _shape(label: str, points: list[list[float]]) -> dict[str, Any]:
    return {
        "label": printable(label),
        "points": points,
        "group_id": None,
        "description": "",
        "shape_type": "polygon",
        "flags": {},
        "mask": None,
    }
