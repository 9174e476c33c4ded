"""A report as one HTML page: no scripts, nothing fetched, every picture inside it."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined, Template
from PIL import Image

from freeseg.evaluation.metrics.bootstrap import Interval
from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.metrics.metric import Metric
from freeseg.evaluation.report import breakdown
from freeseg.evaluation.report.gallery import PhotoPictures
from freeseg.evaluation.report.report import Report
from freeseg.evaluation.report.wording import percent
from freeseg.files import encode_picture, printable

HEAT_CLASSES = 40  # more would not be read
LONGEST_SIDE = 360  # of a picture in the page
PICTURE_BYTES = 48_000
ALL_PICTURES_BYTES = 3_400_000  # a third more as base64: a page stays below 5 MB
WORST = "Photos with the lowest mean IoU over the classes that are in them, worst first."
BEST = "Photos with the highest mean IoU over the classes that are in them, best first."


def page(report: Report, *, worst: Sequence[PhotoPictures] = (), best: Sequence[PhotoPictures] = ()) -> str:
    """A report as one self-contained HTML document of at most about 5 MB, readable on a phone, light and dark.

    Args:
        report: The report.
        worst: Pictures of the photos with the lowest mIoU; without any, the page has no such part.
        best: Pictures of the photos with the highest mIoU, likewise.

    Returns:
        HTML. Names of photos and classes and the command are shown as text, whatever they hold, never as markup.

    Example:
        >>> from freeseg.evaluation.records import PhotoRecord, Run
        >>> run = Run("mine", ("<b>", "cat"), False, 1, "ab", "plain", {}, "m", "cd", "freeseg evaluate", {})
        >>> text = page(Report(run, [PhotoRecord("one", {"confusion": [(0, 0, 5)]})]))
        >>> "&lt;b&gt;" in text, "<b>&" in text
        (True, False)
    """
    budget = min(PICTURE_BYTES, ALL_PICTURES_BYTES // max(1, 5 * (len(worst) + len(best))))
    parts = [("worst", "Worst photos", WORST, worst), ("best", "Best photos", BEST, best)]
    text = _template().render(
        run=report.run,
        absent=report.absent,
        cards=[_card(metric, report.numbers()[metric.name]) for metric in HEADLINES],
        classes=_classes(report),
        mixups=[
            mixup._asdict() | {"share": percent(mixup.share)}
            for mixup in breakdown.mixups(report.confusion, report.run.classes)
        ],
        heat=_heat(report),
        reliability=_reliability(report),
        worst=worst,
        best=best,
        parts=[
            {"id": key, "title": title, "text": about, "photos": [_photo(each, budget) for each in photos]}
            for key, title, about, photos in parts
        ],
    )
    return printable(text)


def data_uri(image: Image.Image, *, budget: int = PICTURE_BYTES) -> tuple[str, tuple[int, int]]:
    """An image as a JPEG in a `data:` URI, and its size there, (width, height).

    It is at most LONGEST_SIDE wide and high, and has at most `budget` bytes before base64.

    Example:
        >>> uri, size = data_uri(Image.new("RGB", (720, 360)))
        >>> uri[:23], size
        ('data:image/jpeg;base64,', (360, 180))
    """
    small = image.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    while True:
        for quality in (86, 74, 60, 40):
            encoded = _jpeg(small, quality)
            if len(encoded) <= budget or max(small.size) <= 8:
                return "data:image/jpeg;base64," + base64.b64encode(encoded).decode(), small.size
        small = small.resize((max(1, small.width * 3 // 4), max(1, small.height * 3 // 4)), Image.Resampling.LANCZOS)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    return encode_picture(image, "JPEG", quality=quality, subsampling=0)  # halved colours would smear masks


@cache
def _template() -> Template:
    source = resources.files("freeseg.evaluation.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)


def _card(metric: Metric, number: Interval) -> dict[str, Any]:
    low, high = (_place(metric, bound) for bound in (number.low, number.high))
    return {
        "name": metric.name,
        "meaning": metric.meaning,
        "value": percent(number.value),
        "low": percent(number.low),
        "high": percent(number.high),
        "span": None if math.isnan(low + high) else (round(low, 2), round(high - low, 2)),
    }


def _place(metric: Metric, value: float) -> float:
    """Where a value is on its scale, 0 to 100."""
    return 100 * (value - metric.lowest) / (100 - metric.lowest)


def _classes(report: Report) -> list[dict[str, Any]]:
    rows = sorted(report.per_class(), key=lambda row: -math.inf if math.isnan(row.iou) else row.iou, reverse=True)
    return [
        {
            **{key: percent(value) if isinstance(value, float) else value for key, value in row._asdict().items()},
            "width": round(float(np.nan_to_num(row.iou)), 1),
        }
        for row in rows
    ]


def _heat(report: Report) -> dict[str, Any]:
    """The confusion matrix in shares of its rows: the most confused classes, the others summed, and "don't know"."""
    chosen = breakdown.most_confused(report.confusion, HEAT_CLASSES)
    names = report.run.classes
    left_out = np.setdiff1d(np.arange(len(names)), chosen)
    shares = breakdown.row_shares(report.confusion)
    columns = [names[index] for index in chosen] + (["other classes"] if len(left_out) else []) + ["don't know"]
    rows = []
    for place, index in enumerate(chosen):
        values = [
            *shares[index, chosen],
            *([shares[index, left_out].sum()] if len(left_out) else []),
            shares[index, -1],
        ]
        cells = [_cell(value, column == place, columns[column]) for column, value in enumerate(values)]
        rows.append({"name": names[index], "cells": cells})
    return {"columns": columns, "rows": rows, "left_out": len(left_out)}


def _cell(share: float, hit: bool, column: str) -> dict[str, Any]:
    return {
        "text": f"{share:.0f}" if share >= 1 else "",  # NaN is no more than 1 either
        "kind": "hit" if hit else "miss",
        "share": f"{share / 100:.2f}",
        "exact": percent(share),
        "column": column,
    }


def _reliability(report: Report) -> list[dict[str, Any]]:
    """Bars of the reliability diagram in its own units: 380 x 270, the origin at (40, 290)."""
    bins = breakdown.reliability(report.records)
    largest = max((bin.share for bin in bins), default=0.0)
    return [
        {
            "low": f"{bin.low:.0f}",
            "high": f"{bin.high:.0f}",
            "accuracy": percent(bin.accuracy),
            "pixels": percent(bin.share),
            "left": round(41 + 3.8 * bin.low, 1),
            "width": round(3.8 * (bin.high - bin.low) - 2, 1),
            "top": round(290 - 2.7 * bin.accuracy, 1),
            "height": round(2.7 * bin.accuracy, 1),
            "opacity": round(0.3 + 0.7 * bin.share / largest, 2),
        }
        for bin in bins
    ]


def _photo(pictures: PhotoPictures, budget: int) -> dict[str, Any]:
    return {
        "name": pictures.name,
        "iou": percent(pictures.iou),
        "pictures": [_picture(*entry, budget) for entry in _titled(pictures)],
        "legend": [
            {
                "name": entry.name,
                "colour": " ".join(map(str, entry.colour)),
                "note": f"IoU {percent(entry.iou)}" if entry.truth else "not there",
            }
            for entry in pictures.classes
        ],
    }


def _titled(pictures: PhotoPictures) -> Iterator[tuple[Image.Image, str, str]]:
    """The pictures of a photo, each with its title and with a text for those who cannot see it."""
    yield pictures.photo, "Photo", f"Photo {pictures.name}"
    truth = _shares({entry.name: entry.truth for entry in pictures.classes})
    shown = _shares({entry.name: entry.prediction for entry in pictures.classes})
    yield pictures.truth, "Truth (grey: does not count)", f"Truth: {truth}"
    yield pictures.prediction, "Prediction (grey: don't know)", f"Prediction: {shown}"
    yield pictures.overlay, "Overlay", f"Prediction over the photo: {shown}"
    if pictures.itsm is not None:
        title = f"Similarity map of {pictures.itsm_of}"
        yield pictures.itsm, title, f"{title}: bright where the photo answers to the word"


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.0f} %" for name, share in shares.items() if share) or "nothing"


def _picture(image: Image.Image, title: str, alt: str, budget: int) -> dict[str, Any]:
    uri, (width, height) = data_uri(image, budget=budget)
    return {"uri": uri, "width": width, "height": height, "title": title, "alt": alt}
