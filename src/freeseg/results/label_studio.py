"""Masks as Label Studio has them: a brush's run-length code, polygons in per cent of the photo, and whole tasks.

The run-length code is that of @thi.ng/rle-pack, over the four channels of each pixel, row by row: 32 bits that count
the values, 5 bits for the size of a value less 1, four times 4 bits for the sizes of run lengths less 1, and then the
runs: a bit that says that a value repeats, 2 bits that choose a size, the length less 1 in that size, and the value.
Source: https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from freeseg.files import printable
from freeseg.results.objects import Objects
from freeseg.results.parts import find_parts
from freeseg.results.polygons import Points, polygons
from freeseg.urls import is_url

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

Kind: TypeAlias = Literal["brushlabels", "polygonlabels"]  # how a region is drawn
FROM_NAME, TO_NAME = "label", "image"  # what the tags are called in the labelling interfaces that Label Studio offers
LOCAL_FILES = "/data/local-files/?d="  # the address of a file below Label Studio's folder of local files

CHANNELS = 4
_SIZES = (3, 4, 8, 16)  # bits of a run's length less 1
_LONGEST = 1 << _SIZES[-1]
_INSIDE = 255


def brush_rle(where: npt.NDArray[np.bool_]) -> list[int]:
    """A mask as the bytes of a brush's run-length code.

    Args:
        where: (H, W), at least one pixel.

    Returns:
        Bytes as integers, as `value.rle` of a "brushlabels" result has them.

    Example:
        >>> brush_rle(np.array([[True]]))[:4]  # how many values follow: one for each channel of each pixel
        [0, 0, 0, 4]
    """
    flat = where.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    lengths = CHANNELS * np.diff(ends, prepend=0)
    head = f"{CHANNELS * flat.size:032b}{8 - 1:05b}" + "".join(f"{size - 1:04b}" for size in _SIZES)
    bits = [head]
    for place, length in enumerate(lengths.tolist()):
        value = f"{_INSIDE if bool(flat[0]) == (place % 2 == 0) else 0:08b}"
        while length > 0:
            part = min(length, _LONGEST)
            choice = next(number for number, size in enumerate(_SIZES) if part <= 1 << size)
            bits.append(f"1{choice:02b}{part - 1:0{_SIZES[choice]}b}{value}")
            length -= part
    return np.packbits(np.frombuffer("".join(bits).encode(), np.uint8) - ord("0")).tolist()


def polygon_points(where: npt.NDArray[np.bool_]) -> list[list[list[float]]]:
    """The parts of a mask as polygons, each point (x, y) in per cent of the photo's width and height.

    Parts of less than a thousandth of the photo are left out, unless there are no others.

    Args:
        where: (H, W), at least one pixel.

    Example:
        >>> polygon_points(np.array([[True, True], [False, False]]))
        [[[0.0, 0.0], [100.0, 0.0], [100.0, 50.0], [0.0, 50.0]]]
    """
    height, width = where.shape
    tolerance = max(1.0, min(where.shape) / 400)
    found = polygons(where, tolerance=tolerance, least_area=where.size / 1000) or polygons(where, tolerance=0)[:1]
    return [_in_per_cent(each, width, height) for each in found]


def region(
    shape: Mapping[str, Any],
    label: str,
    *,
    kind: str,
    size: tuple[int, int],
    score: float,
    id: str,
    from_name: str = FROM_NAME,
    to_name: str = TO_NAME,
) -> dict[str, Any]:
    """A region of a task's result.

    Args:
        shape: What is drawn: the code of a brush, or the points of a polygon.
        label: As the labelling interface calls it.
        kind: A `Kind`.
        size: (width, height) of the photo.
        score: How sure it is, in [0, 1].
        id: What tells it from the task's other regions.
        from_name: What the tag of the labels is called.
        to_name: What the tag of the photo is called.

    Example:
        >>> region({"points": [], "closed": True}, "cat", kind="polygonlabels", size=(3, 2), score=1, id="1")["value"]
        {'points': [], 'closed': True, 'polygonlabels': ['cat']}
    """
    return {
        "id": id,
        "from_name": from_name,
        "to_name": to_name,
        "type": kind,
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": {**shape, kind: [label]},
        "score": round(score, 4),
    }


def label_studio_task(result: Segmentation, objects: Objects | None = None) -> dict[str, Any]:
    """A result as a task to import, with a prediction to correct.

    The photo's address is that of a file below Label Studio's folder of local files, or the photo's URL.

    Args:
        result: The result; the background is no region.
        objects: Whether each part is a region, or all of a label; and whether they are brushes or polygons, of which
            each has a part.

    Example:
        >>> import freeseg, numpy as np
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
        >>> task = label_studio_task(result)
        >>> task["data"]["image"], task["predictions"][0]["result"][0]["value"]["brushlabels"]
        ('/data/local-files/?d=photo', ['cat'])
    """
    chosen = objects or Objects()
    kind: Kind = "polygonlabels" if chosen.polygons else "brushlabels"
    regions = [
        region(
            shape,
            printable(label),
            kind=kind,
            size=result.photo.size,
            score=result.mean_confidence(label),
            id=f"freeseg-{number}",
        )
        for number, (label, shape) in enumerate(_shapes(result, chosen), start=1)
    ]
    scores = [each["score"] for each in regions]
    prediction = {
        "model_version": result.model,
        "score": round(sum(scores) / len(scores), 4) if scores else 0.0,
        "result": regions,
    }
    if is_url(photo := printable(result.reference)):
        return {"data": {TO_NAME: photo}, "predictions": [prediction]}
    local = LOCAL_FILES + quote(photo.replace("\\", "/").lstrip("/"))
    return {"data": {TO_NAME: local}, "predictions": [prediction]}


def _shapes(result: Segmentation, objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    """The label and the shape of each region."""
    if not (objects.instances or objects.polygons):
        for label in result.found:
            yield label, brush(result.mask_of(label))
        return
    least = objects.least_pixels(result.mask.size)
    values = [result.labels.index(label) for label in result.found]
    parts = find_parts(result.mask, values, least_pixels=least)
    for number, value in enumerate(parts.values.tolist(), start=1):
        if objects.polygons:
            points = _in_per_cent(parts.outline(number, least_hole=least), *result.photo.size)
            yield result.labels[value], polygon(points)
        else:
            yield result.labels[value], brush(parts.where(number))


def brush(where: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """A mask as the shape of a brush."""
    return {"format": "rle", "rle": brush_rle(where)}


def polygon(points: list[list[float]]) -> dict[str, Any]:
    """Points in per cent as the shape of a polygon."""
    return {"points": points, "closed": True}


def _in_per_cent(points: Points, width: int, height: int) -> list[list[float]]:
    rounded: list[list[float]] = np.round(points * (100 / width, 100 / height), 3).tolist()
    return rounded
