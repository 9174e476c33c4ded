"""Two reports of the same photos side by side: what changed, and whether the change may be chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from freeseg.errors import DataError
from freeseg.evaluation.metrics import bootstrap
from freeseg.evaluation.metrics.bootstrap import Interval
from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.metrics.metric import Metric
from freeseg.evaluation.records import Run
from freeseg.evaluation.report.breakdown import photo_ious
from freeseg.evaluation.report.markdown_table import escape, table
from freeseg.evaluation.report.report import Report
from freeseg.evaluation.report.wording import bounds, percent, signed
from freeseg.files import printable

MAY_DIFFER = ("command", "model", "model_sha256", "versions")
PHOTOS = 10


class Difference(NamedTuple):
    """A metric in both reports in percent, and how much higher the second is, with the 95 % interval."""

    metric: Metric
    first: float
    second: float
    change: Interval

    @property
    def verdict(self) -> str:
        """What may be said: "better" or "worse" where the interval leaves 0 out, else "unclear".

        Example:
            >>> Difference(HEADLINES[0], 40.0, 42.0, Interval(2.0, 0.5, 3.5)).verdict
            'better'
        """
        if self.change.low > 0 or self.change.high < 0:
            return "better" if (self.change.low > 0) == self.metric.higher_is_better else "worse"
        return "unclear"


class PhotoChange(NamedTuple):
    """The mIoU of one photo over the classes that are in it, in both reports, in percent."""

    name: str
    first: float
    second: float


@dataclass(frozen=True)
class Comparison:
    """Two reports side by side.

    Attributes:
        first, second: What was measured.
        differences: One for each of `HEADLINES`.
        photos: The photos whose mIoU changed, those that changed most first.
    """

    first: Run
    second: Run
    differences: tuple[Difference, ...]
    photos: tuple[PhotoChange, ...]


def compare(first: Report, second: Report) -> Comparison:
    """Compare two reports of the same photos.

    The bootstrap draws the same photos for both, so that hard photos cancel out.

    Raises:
        DataError: The reports are of different photos, or were measured in different ways.

    Example:
        >>> from freeseg.evaluation.records import PhotoRecord
        >>> run = Run("mine", ("sky", "cat"), False, 1, "ab", "plain", {}, "m", "cd", "freeseg evaluate", {})
        >>> one, two = (Report(run, [PhotoRecord("a", {"confusion": [(0, s, 4)]})]) for s in (1, 0))
        >>> compare(one, two).differences[0].verdict, compare(one, two).photos
        ('better', (PhotoChange(name='a', first=0.0, second=100.0),))
    """
    _require_same_photos(first.run, second.run)
    before, after = first.statistics(), second.statistics()
    changes = bootstrap.intervals(lambda weights: after(weights) - before(weights), len(first.records))
    ones = np.ones(len(first.records), np.int64)
    numbers = zip(HEADLINES, before(ones).tolist(), after(ones).tolist(), changes, strict=True)
    return Comparison(
        first.run,
        second.run,
        tuple(Difference(*each) for each in numbers),
        _changed(first, second),
    )


def markdown(comparison: Comparison) -> str:
    """A comparison as a Markdown document."""
    return printable("\n".join(_lines(comparison)) + "\n")


def _require_same_photos(first: Run, second: Run) -> None:
    names = first.differences(second, ignoring=MAY_DIFFER)
    if names:
        found = ", ".join(
            filter(None, (_difference(name, getattr(first, name), getattr(second, name)) for name in names))
        )
        raise DataError(f"these reports cannot be compared: they differ in {found}; evaluate both the same way")


def _difference(name: str, first: Any, second: Any) -> str:
    if name == "photos_sha256":
        return "which photos"
    if name == "protocol":
        keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
        return "protocol (" + ", ".join(f"{key} {first.get(key)} and {second.get(key)}" for key in keys) + ")"
    return name if isinstance(first, tuple) else f"{name} ({first} and {second})"


def _changed(first: Report, second: Report) -> tuple[PhotoChange, ...]:
    before, after = (photo_ious(report.records, len(report.run.classes)) for report in (first, second))
    changes = [PhotoChange(name, value, after[name]) for name, value in before.items()]
    moved = [change for change in changes if not math.isnan(change.first) and change.first != change.second]
    return tuple(sorted(moved, key=lambda change: -abs(change.second - change.first)))


def _lines(comparison: Comparison) -> Iterator[str]:
    first, second = comparison.first, comparison.second
    yield f"# {escape(first.dataset)}: {escape(first.model)} (A) and {escape(second.model)} (B)"
    yield ""
    protocol = escape(first.protocol.get("name", "unnamed"))
    yield (
        f"{first.photos} photos, setting {escape(first.setting)}, protocol {protocol}. Percent; the 95 % interval of "
        "B - A is of a bootstrap that draws the same photos for both."
    )
    yield ""
    yield from table(
        ["", "A", "B", "B - A", "95 % interval", "B is"],
        [
            [
                each.metric.name,
                percent(each.first),
                percent(each.second),
                signed(each.change.value),
                bounds(each.change),
                each.verdict,
            ]
            for each in comparison.differences
        ],
    )
    yield ""
    shown = comparison.photos[:PHOTOS]
    yield f"{len(comparison.photos)} photos changed" + (f"; the {len(shown)} that changed most:" if shown else ".")
    if shown:
        yield ""
        rows = [[each.name, *map(percent, each[1:]), signed(each.second - each.first)] for each in shown]
        yield from table(["photo (mIoU over its classes)", "A", "B", "B - A"], rows)
    for letter, run in (("A", first), ("B", second)):
        yield ""
        versions = ", ".join(f"{escape(key)} {escape(value)}" for key, value in run.versions.items())
        yield f"{letter}: {escape(run.model)}, weights and settings sha256 {escape(run.model_sha256)}; {versions}"
        yield ""
        yield from ("    " + line for line in run.command.splitlines())
