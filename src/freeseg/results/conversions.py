"""A result as other programs' objects: COCO's and FreeSeg's own JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

from freeseg.files import printable
from freeseg.mask_values import IGNORE, label_values
from freeseg.results import rle
from freeseg.results.coco import (
    DESCRIPTION,
    checked_image_id,
    coco_annotations,
    coco_categories,
    first_annotation_id,
)
from freeseg.results.counting import mean_confidence_by_value, pixels_by_value
from freeseg.results.drawing import display_palette
from freeseg.results.objects import Objects

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation


def coco_dataset(result: Segmentation, image_id: SupportsIndex, objects: Objects) -> dict[str, Any]:
    """What `Segmentation.to_coco` gives."""
    number = checked_image_id(image_id)
    first_id = first_annotation_id(number, result.labels, objects)
    height, width = result.mask.shape
    image = {"id": number, "file_name": printable(result.source or result.name), "width": width, "height": height}
    return {
        "info": {"description": DESCRIPTION, **_source(result)},
        "images": [image],
        "categories": coco_categories(result.labels),
        "annotations": coco_annotations(
            result.mask, result.confidence, result.labels, image_id=number, first_id=first_id, objects=objects
        ),
    }


def summary(result: Segmentation) -> dict[str, Any]:
    """What `Segmentation.to_dict` gives."""
    labels = result.labels
    colours = display_palette(labels)
    pixels = pixels_by_value(result.mask, count=len(labels))
    confidence = mean_confidence_by_value(result.mask, result.confidence, pixels)
    shown = [index for index in label_values(labels) if pixels[index]]
    runs = dict(zip(shown, rle.encode_values(result.mask, shown), strict=True))
    entries = [
        {
            "index": index,
            "label": printable(labels[index]),
            "colour": "#" + colours[index].tobytes().hex(),
            "pixels": int(pixels[index]),
            "area": round(float(pixels[index] / result.mask.size), 6),
            "confidence": round(float(confidence[index]), 6),
            "presence": _presence(result, labels[index]),
            "rle": runs.get(index),
        }
        for index in label_values(labels)
    ]
    return {
        "name": printable(result.name),
        **_source(result),
        "width": result.photo.width,
        "height": result.photo.height,
        "model": result.model,
        "labels": entries,
        "ignored": round(float(pixels[IGNORE] / result.mask.size), 6),
    }


def _source(result: Segmentation) -> dict[str, str]:
    return {"source": printable(result.source)} if result.source else {}


def _presence(result: Segmentation, label: str) -> float | None:
    score = result.presence.get(label)
    return None if score is None else round(float(score), 6)
