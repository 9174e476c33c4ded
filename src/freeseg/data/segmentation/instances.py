"""Masks drawn from COCO's instance annotations (`instances_val2017.json`)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.data.segmentation.layout import AnnotatedPhoto
from freeseg.errors import DataError
from freeseg.files import parse_json

CROWD = 255


class Instances(NamedTuple):
    """A COCO annotation file.

    Attributes:
        images: Each image's record by the name of its file without suffix.
        annotations: The annotations of each image by its id.
    """

    images: dict[str, dict[str, Any]]
    annotations: dict[int, list[dict[str, Any]]]


@lru_cache(maxsize=1)  # so a worker process loads the file once, and need not be sent it
def load_instances(path: Path) -> Instances:
    """Read a COCO instance annotation file.

    Raises:
        DataError: It cannot be read, is not in COCO's format, or pycocotools is missing.
    """
    _codec()  # so that a missing pycocotools is told now, and not at the first photo
    try:
        with path.open(encoding="utf-8") as file:
            table = parse_json(file.read())
        images = {Path(image["file_name"]).stem: image for image in table["images"]}
        annotations: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in images.values()}
        for annotation in table["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not COCO's instance annotations ({error!r}); fetch it again") from error
    return Instances(images, annotations)


def draw_instances(item: AnnotatedPhoto) -> NDArray[np.uint16]:
    """The category id of each pixel, (H, W) uint16: 0 where there is no object, `CROWD` where there is only a crowd.

    Where objects overlap, the smaller one is on top, since what covers a part of an object is mostly smaller than it.

    Raises:
        DataError: The annotations of this photo are not in COCO's format.
    """
    images, annotations = load_instances(item.mask)
    image = images[item.name]
    try:
        values = np.zeros((image["height"], image["width"]), np.uint16)
        for annotation in sorted(annotations[image["id"]], key=lambda one: (not one["iscrowd"], -one["area"])):
            region = _region(annotation["segmentation"], *values.shape)
            values[region] = CROWD if annotation["iscrowd"] else annotation["category_id"]
    except Exception as error:  # pycocotools raises Exception itself
        raise DataError(f"{item.mask}: {item.name} is not in COCO's format ({error!r}); fetch it again") from error
    return values


def _region(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Polygons, or a run-length encoding, compressed or not, as (H, W) bool."""
    codec = _codec()
    if isinstance(segmentation, list):
        segmentation = codec.merge(codec.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        segmentation = codec.frPyObjects(segmentation, height, width)
    return np.asarray(codec.decode(segmentation), dtype=bool)


def _codec() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise DataError('masks from COCO\'s json need pycocotools: pip install "freeseg[eval]"') from error
    return mask
