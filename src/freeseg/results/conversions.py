"""A result as other programs' objects: COCO's and FreeSeg's own JSON, pandas, supervision, transformers, notebooks."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.extras import require
from freeseg.files import encode_picture, printable
from freeseg.mask_values import IGNORE, has_background, label_values
from freeseg.results import rle
from freeseg.results.area_table import COLUMNS, area_rows
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
from freeseg.results.parts import find_parts

if TYPE_CHECKING:
    import pandas
    import supervision

    from freeseg.results.segmentation import Segmentation

NOTEBOOK_SIDE = 1_000  # pixels of the longer side of a picture in a notebook, more than most notebooks are wide


def coco_dataset(result: Segmentation, image_id: SupportsIndex, objects: Objects) -> dict[str, Any]:
    """What `Segmentation.to_coco` gives."""
    number = checked_image_id(image_id)
    first_id = first_annotation_id(number, result.labels, objects)
    height, width = result.mask.shape
    image = {"id": number, "file_name": printable(result.reference), "width": width, "height": height}
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


def data_frame(result: Segmentation) -> pandas.DataFrame:
    """What `Segmentation.to_pandas` gives."""
    require("pandas", what="to_pandas")
    import pandas

    return pandas.DataFrame(
        [[None if each == "" else each for each in row] for row in area_rows(result)], columns=list(COLUMNS)
    ).astype({"presence": "float64"})


def detections(result: Segmentation, objects: Objects) -> supervision.Detections:
    """What `Segmentation.to_supervision` gives."""
    require("supervision", what="to_supervision")
    import supervision

    values = _asked(result)
    regions, value_of, confidence = _found(result, values, objects)
    masks = np.array([regions == number for number in value_of], np.bool_).reshape(-1, *result.mask.shape)
    return supervision.Detections(
        xyxy=supervision.mask_to_xyxy(masks).astype(np.float32).reshape(-1, 4),
        mask=masks,
        confidence=confidence.astype(np.float32),
        class_id=np.array([values.index(value) for value in value_of.values()], np.int64),
        data={"class_name": np.array([result.labels[value] for value in value_of.values()], np.str_)},
    )


def segments(result: Segmentation, objects: Objects) -> list[dict[str, Any]]:
    """What `Segmentation.to_transformers` gives."""
    regions, value_of, confidence = _found(result, _asked(result), objects)
    return [
        {
            "score": float(score),
            "label": result.labels[value],
            "mask": Image.fromarray(np.where(regions == number, np.uint8(255), np.uint8(0))),
        }
        for (number, value), score in zip(value_of.items(), confidence, strict=True)
    ]


def notebook_png(result: Segmentation) -> bytes:
    """The overlay as a PNG file, as large as a notebook shows it."""
    reduce = max(1, max(result.photo.size) // NOTEBOOK_SIDE)
    picture = result.overlay(reduce=reduce)
    picture.thumbnail((NOTEBOOK_SIDE, NOTEBOOK_SIDE))
    return encode_picture(picture, "PNG")


def notebook_html(result: Segmentation) -> str:
    """The overlay, and a table of what was found, as HTML."""
    rows = "".join(
        f"<tr><td>{html.escape(printable(label))}</td><td>{share:.1%}</td>"
        f"<td>{result.mean_confidence(label):.2f}</td></tr>"
        for label, share in result.areas().items()
    )
    name = html.escape(printable(result.name))
    picture = base64.b64encode(notebook_png(result)).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{picture}" alt="{name}"><figcaption>{name}</figcaption></figure>'
        f"<table><tr><th>label</th><th>area</th><th>confidence</th></tr>{rows}</table>"
    )


def _asked(result: Segmentation) -> list[int]:
    """The values of all labels but the background."""
    return label_values(result.labels)[int(has_background(result.labels)) :]


def _found(
    result: Segmentation, values: list[int], objects: Objects
) -> tuple[npt.NDArray[Any], dict[int, int], npt.NDArray[np.float64]]:
    """What was found of some labels, or each connected part of it.

    Returns:
        (H, W) numbers; the number of each region -> the value of its label, in the order of labels; and the mean
        confidence of each of these regions.
    """
    if objects.instances:
        parts = find_parts(result.mask, values, least_pixels=objects.least_pixels(result.mask.size))
        regions: npt.NDArray[Any] = parts.numbers
        value_of = dict(enumerate(parts.values.tolist(), start=1))
    else:
        pixels = pixels_by_value(result.mask, count=len(result.labels))
        regions = result.mask
        value_of = {value: value for value in values if pixels[value]}
    counted = pixels_by_value(regions, count=max(value_of, default=0) + 1)
    confidence = mean_confidence_by_value(regions, result.confidence, counted)
    return regions, value_of, confidence[list(value_of)]


def _source(result: Segmentation) -> dict[str, str | int]:
    source: dict[str, str | int] = {"source": printable(result.source)} if result.source else {}
    return source | ({"frame": result.frame} if result.frame else {})


def _presence(result: Segmentation, label: str) -> float | None:
    score = result.presence.get(label)
    return None if score is None else round(float(score), 6)
