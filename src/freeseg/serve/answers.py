"""Answers: a result as JSON, as a picture, as COCO, or as a zip of all of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.responses import Response

from freeseg.files import FLAT_PNG, encode_picture, name_in_file
from freeseg.mask_values import IGNORE, has_background
from freeseg.results import rle
from freeseg.results.coco import bounding_box
from freeseg.results.counting import mean_confidence_by_value, pixels_by_value
from freeseg.results.cutouts import outlines
from freeseg.results.drawing import display_palette
from freeseg.results.labelme import labelme_file
from freeseg.results.segmentation import Segmentation
from freeseg.serve.problems import Problem
from freeseg.words import Vocabulary

JSON, PNG, JPEG, ZIP, COCO, LABELME = (
    "application/json",
    "image/png",
    "image/jpeg",
    "application/zip",
    "application/vnd.coco+json",
    "application/vnd.labelme+json",
)
PICTURES = ("mask", "overlay", "cutout", "outlines")
_JPEG_OPTIONS: dict[str, Any] = {"quality": 90, "subsampling": 0}  # full colour at the edges of regions


class Answered(NamedTuple):
    """A result, and what was asked.

    Attributes:
        id: The photo's.
        result: What the model found.
        vocabulary: The labels that were asked for.
        seconds: How long it took.
        warnings: What is to be said about the labels.
        name: The photo's name, as the client gave it; "" where it gave none.
    """

    id: str
    result: Segmentation
    vocabulary: Vocabulary
    seconds: float
    warnings: tuple[str, ...] = ()
    name: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON: every label that was asked for, in that order."""
        result = self.result
        mask, names = result.mask, result.labels
        value_of = {name: value for value, name in enumerate(names) if value != IGNORE}
        pixels = pixels_by_value(mask, count=len(names))
        confidence = mean_confidence_by_value(mask, result.confidence, pixels)
        colours = display_palette(names)
        values = [value_of[label.name] for label in self.vocabulary.labels]
        runs = rle.encode_values(mask, values)
        labels = [
            {
                "label": label.name,
                "aliases": list(label.aliases[1:]),
                "color": "#" + colours[value].tobytes().hex(),
                "share": round(float(pixels[value] / mask.size), 6),
                "confidence": round(float(confidence[value]), 4),
                "box": bounding_box(mask == value) if pixels[value] else None,
                "rle": run,
            }
            for label, value, run in zip(self.vocabulary.labels, values, runs, strict=True)
        ]
        share = round(float(pixels[0] / mask.size), 6) if has_background(names) else None
        return {
            "photo": {"id": self.id, "width": result.photo.width, "height": result.photo.height},
            "labels": labels,
            "background": None if share is None else {"share": share},
            "unsure": round(float(pixels[IGNORE] / mask.size), 6),
            "model": result.model,
            "seconds": round(self.seconds, 4),
            "warnings": list(self.warnings),
        }


class Form(NamedTuple):
    """The form of an answer: its media type, and which picture it is."""

    media: str
    picture: str = ""
    label: str = ""

    def response(self, answered: Answered) -> Response:
        """The answer in this form."""
        return Response(_WRITERS[self.picture or self.media](answered, self.label), media_type=self.media)


def choose_form(accept: str, picture: str = "", label: str = "") -> Form:
    """The form that a client asks for.

    Args:
        accept: Its Accept header; "" for anything.
        picture: One of `PICTURES`, which comes before the header; "" for what the header says.
        label: Of which label a cut-out is; "" for all.

    Raises:
        Problem: There is no such form.

    Example:
        >>> choose_form("image/png").picture, choose_form("text/html, */*;q=0.8").media
        ('mask', 'application/json')
    """
    if picture:
        if picture not in PICTURES:
            raise Problem(422, "picture", "there is no such picture", f"ask for picture={', '.join(PICTURES)}")
        return Form(PNG if picture in ("mask", "cutout") else JPEG, picture, label)
    forms = {JSON: Form(JSON), PNG: Form(PNG, "mask"), JPEG: Form(JPEG, "overlay")}
    forms |= {media: Form(media) for media in (ZIP, COCO, LABELME)}
    for wanted in _by_preference(accept):
        found = [form for media, form in forms.items() if _matches(wanted, media)]
        if found:
            return found[0]
    raise Problem(
        406, "media-type", "the answer cannot be had in the form that was asked for", f"accept {', '.join(forms)}"
    )


def _by_preference(accept: str) -> list[str]:
    """The media types of an Accept header, the most wanted first; any where it has none."""
    weighted = []
    for place, part in enumerate(accept.split(",")):
        media, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            share = float(weight)
        except ValueError:
            share = 0.0
        if media and share > 0:
            weighted.append((-share, place, media))
    return [media for _, _, media in sorted(weighted)] if accept.strip() else ["*/*"]


def _matches(wanted: str, media: str) -> bool:
    return wanted in ("*/*", media) or (wanted.endswith("/*") and media.startswith(wanted[:-1]))


def _json(answered: Answered, label: str = "") -> bytes:
    return json.dumps(answered.to_dict(), separators=(",", ":")).encode()


def _coco(answered: Answered, label: str = "") -> bytes:
    dataset = answered.result.to_coco()
    dataset["images"][0]["file_name"] = answered.name or f"{answered.id}"
    return json.dumps(dataset, separators=(",", ":")).encode()


def _labelme(answered: Answered, label: str = "") -> bytes:
    file = labelme_file(answered.result, answered.name or answered.id)
    return json.dumps(file, separators=(",", ":")).encode()


def _mask(answered: Answered, label: str = "") -> bytes:
    return encode_picture(answered.result.mask_image(), "PNG", **FLAT_PNG)


def _overlay(answered: Answered, label: str = "") -> bytes:
    return encode_picture(answered.result.overlay(), "JPEG", **_JPEG_OPTIONS)


def _outlines(answered: Answered, label: str = "") -> bytes:
    result = answered.result
    return encode_picture(outlines(result.photo, result.mask, result.labels), "JPEG", **_JPEG_OPTIONS)


def _cutout(answered: Answered, label: str = "") -> bytes:
    result = answered.result
    if label and label not in result.labels:
        raise Problem(422, "label", "the label of the cut-out is none of those asked for", "name one of the labels")
    return encode_picture(result.cutout(*filter(None, [label])), "PNG", compress_level=3)


def _zip(answered: Answered, label: str = "") -> bytes:
    """All forms; the cut-outs of labels are numbered in the order in which they were asked for."""
    files = {
        "result.json": _json(answered),
        "coco.json": _coco(answered),
        "labelme.json": _labelme(answered),
        "mask.png": _mask(answered),
        "overlay.jpg": _overlay(answered),
        "outlines.jpg": _outlines(answered),
    }
    present = set(answered.result.present)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            packed = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
            archive.writestr(name, content, packed)
        for number, each in enumerate(answered.vocabulary.names, start=1):
            if each in present:
                archive.writestr(f"cutouts/{number:03}-{name_in_file(each)}.png", _cutout(answered, each))
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Answered, str], bytes]] = {
    JSON: _json,
    ZIP: _zip,
    COCO: _coco,
    LABELME: _labelme,
    "mask": _mask,
    "overlay": _overlay,
    "cutout": _cutout,
    "outlines": _outlines,
}
