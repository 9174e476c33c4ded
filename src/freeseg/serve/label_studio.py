"""What Label Studio asks and expects: its labelling interface, its tasks, and results as it draws them."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from freeseg.files import escapes_folder
from freeseg.results.label_studio import brush, polygon, polygon_points, region
from freeseg.results.segmentation import Segmentation
from freeseg.serve.problems import Problem

KINDS = ("brushlabels", "polygonlabels")  # how a region may be drawn
_CONFIG_CHARACTERS = 200_000
_DATA = re.compile(r"data:image/[\w.+-]+;base64,", re.ASCII)
_FIX = 'give it a <BrushLabels> or <PolygonLabels> whose toName is that of an <Image value="$...">, with a <Label> each'


@dataclass(frozen=True)
class Interface:
    """The part of a labelling interface that FreeSeg fills in.

    Attributes:
        kind: One of `KINDS`.
        from_name: What the labels' tag is called.
        to_name: What the photo's tag is called.
        field: The field of a task that names the photo.
        values: What Label Studio calls each label.
        words: The words of each label, as FreeSeg takes them.
    """

    kind: str
    from_name: str
    to_name: str
    field: str
    values: tuple[str, ...]
    words: tuple[str, ...]


def read_interface(config: object) -> Interface:
    """The first tag of an interface that FreeSeg can fill in.

    The words of a label are its `predicted_values`, separated by commas, where it has them, and otherwise its value.

    Args:
        config: The interface as XML.

    Raises:
        Problem: It is none, or has no such tag.

    Example:
        >>> config = '<View><Image name="i" value="$photo"/><BrushLabels name="b" toName="i"><Label value="Cat" '
        >>> config += 'predicted_values="cat,kitten"/></BrushLabels></View>'
        >>> read_interface(config).words
        ('cat|kitten',)
    """
    root = _parsed(config)
    tags = [(each.tag.lower() if isinstance(each.tag, str) else "", each) for each in root.iter()]
    images = {each.get("name"): each.get("value", "") for tag, each in tags if tag == "image"}
    for tag, each in tags:
        to_name = each.get("toName", "").split(",")[0]
        labels = [label for label in each if str(label.tag).lower() == "label" and label.get("value", "").strip()]
        # The background is what no label is: Label Studio leaves it empty.
        labels = [label for label in labels if label.get("value", "").strip().lower() != "background"]
        if tag in KINDS and labels and images.get(to_name, "").startswith("$"):
            values = tuple(label.get("value", "") for label in labels)
            return Interface(
                tag, each.get("name", ""), to_name, images[to_name][1:], values, tuple(map(_words, labels))
            )
    raise Problem(422, "label-config", "the labelling interface has nothing to fill in", _FIX)


def _parsed(config: object) -> ElementTree.Element:
    if not isinstance(config, str) or not config.strip():
        raise Problem(422, "label-config", "the request holds no labelling interface", "send it as label_config")
    if len(config) > _CONFIG_CHARACTERS or "<!" in config.replace("<!--", ""):  # entities are for attacks
        raise Problem(422, "label-config", "the labelling interface is too long, or declares entities", _FIX)
    try:
        return ElementTree.fromstring(config)  # noqa: S314 - it declares no entities
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise Problem(422, "label-config", "the labelling interface is no XML", _FIX) from error


def _words(label: ElementTree.Element) -> str:
    listed = [word.strip() for word in label.get("predicted_values", "").split(",") if word.strip()]
    return "|".join(listed) or label.get("value", "").strip()


def read_photo_of_task(given: object, folder: Path | None, most: int) -> bytes | str:
    """The photo of a task: its bytes, or the id of a kept photo.

    Nothing is fetched: an address is looked up in the folder that the server was given, by its path alone.

    Args:
        given: What the task says.
        folder: The folder that tasks name photos in; None where there is none.
        most: The largest file, in bytes.

    Raises:
        Problem: The photo is not here.
    """
    if not isinstance(given, str) or not given:
        raise Problem(422, "task", "the task names no photo", "see that its field is the one of the <Image> tag")
    if re.fullmatch(r"[0-9a-f]{64}", given):
        return given
    if found := _DATA.match(given):
        try:
            return base64.b64decode(given[found.end() :], validate=True)
        except (binascii.Error, ValueError) as error:
            raise Problem(422, "task", "the photo in the task is no base64", "send it anew") from error
    fix = "start the server with --photos FOLDER, the folder of Label Studio's photos, or send photos as data: URIs"
    if folder is None:
        raise Problem(422, "task", "the task names its photo by an address, and nothing is fetched", fix)
    path = _path_in(folder, given)
    if path is None:
        raise Problem(422, "task", "the photo of the task is not in the server's folder of photos", fix)
    if path.stat().st_size > most:
        raise Problem(413, "too-large", "the photo of the task is too large", "raise --max-megabytes")
    return path.read_bytes()


def _path_in(folder: Path, address: str) -> Path | None:
    """The file that an address of Label Studio means: `/data/upload/1/a.jpg`, or `/data/local-files/?d=b/a.jpg`."""
    try:
        parts = urlsplit(address)
        name = unquote(parts.path)
        if name.rstrip("/").endswith("/local-files"):
            name = parse_qs(parts.query).get("d", [""])[0]
        name = name.partition("/data/")[2] if name.startswith("/data/") else name.lstrip("/")
        if not name or "\0" in name or escapes_folder(name):
            return None
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None


def prediction(result: Segmentation, interface: Interface, names: tuple[str, ...]) -> dict[str, Any]:
    """A result as a prediction of Label Studio.

    Args:
        result: What the model found.
        interface: What to fill in.
        names: The labels' names, in the order of the interface's.
    """
    regions = list(_regions(result, interface, names))
    scores = [region["score"] for region in regions]
    return {"result": regions, "score": round(sum(scores) / len(scores), 4) if scores else 0.0}


def _regions(result: Segmentation, interface: Interface, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for name, value in zip(names, interface.values, strict=True):
        where = result.mask_of(name)
        for shape in _shapes(where, interface.kind) if where.any() else ():
            yield region(
                shape,
                value,
                kind=interface.kind,
                size=result.photo.size,
                score=result.mean_confidence(name),
                id=secrets.token_hex(5),
                from_name=interface.from_name,
                to_name=interface.to_name,
            )


def _shapes(where: NDArray[np.bool_], kind: str) -> Iterator[dict[str, Any]]:
    if kind == "brushlabels":
        yield brush(where)
    else:
        for points in polygon_points(where):
            yield polygon(points)
