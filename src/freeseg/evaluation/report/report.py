"""The report of an evaluation: its numbers with their intervals, and reading and writing it as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freeseg.errors import DataError
from freeseg.evaluation.metrics.bootstrap import Interval, Weights, intervals
from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.metrics.metric import pooled_metrics
from freeseg.evaluation.records import PhotoRecord, Run, names_sha256
from freeseg.evaluation.report import breakdown
from freeseg.files import parse_json, plain_number, write_text

FORMAT = "freeseg-report-1"
NAME = "report.json"


@dataclass(frozen=True)
class Report:
    """The numbers of a run, all in percent.

    Args:
        run: What was measured, and how.
        records: A record per photo, in the dataset's order; at least one.

    Example:
        >>> run = Run("mine", ("sky", "cat"), False, 2, "ab", "plain", {}, "m", "cd", "freeseg evaluate", {})
        >>> cells = {"a": [(0, 0, 6)], "b": [(0, 0, 2), (0, 1, 2)]}
        >>> report = Report(run, [PhotoRecord(name, {"confusion": cells[name]}) for name in cells])
        >>> report.numbers()["pixel accuracy"]
        Interval(value=80.0, low=50.0, high=100.0)
        >>> report.absent, report.worst(1)
        (1, ['b'])
    """

    run: Run
    records: list[PhotoRecord]

    def numbers(self) -> dict[str, Interval]:
        """The headline numbers by the names in HEADLINES, with their 95 % intervals over photos."""
        return self._numbers

    @cached_property
    def _numbers(self) -> dict[str, Interval]:
        numbers = intervals(self.statistics(), len(self.records))
        return {metric.name: number for metric, number in zip(HEADLINES, numbers, strict=True)}

    def statistics(self) -> Callable[[Weights], NDArray[np.float64]]:
        """Weights (photos,), how often each is drawn -> the headline numbers of that draw, in the order of HEADLINES.

        Raises:
            ValueError: A record holds a class or a bin that does not exist.
        """
        return pooled_metrics(HEADLINES, [record.counts for record in self.records], len(self.run.classes))

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrix of the set; see `breakdown.total_confusion`."""
        return breakdown.total_confusion(self.records, len(self.run.classes))

    @property
    def absent(self) -> int:
        """How many classes are in the truth of no photo."""
        return int((self.confusion.sum(axis=1) == 0).sum())

    def per_class(self) -> list[breakdown.ClassRow]:
        """A row of numbers per class, in the dataset's order."""
        return breakdown.per_class(self.records, self.run.classes)

    def worst(self, count: int) -> list[str]:
        """The names of the photos with the lowest mIoU over their classes, lowest first."""
        return breakdown.by_iou(self.records, len(self.run.classes))[:count]

    def best(self, count: int) -> list[str]:
        """The names of the photos with the highest mIoU over their classes, highest first."""
        return breakdown.by_iou(self.records, len(self.run.classes))[::-1][:count]

    def save(self, path: Path) -> None:
        """Write the report as JSON: the numbers, and the records of all photos, one a line, for comparisons.

        Raises:
            OutputError: The file cannot be written.
        """
        head = {
            "format": FORMAT,
            "run": self.run.to_dict(),
            "numbers": {name: _finite(number._asdict()) for name, number in self.numbers().items()},
            "classes": [_finite(row._asdict()) for row in self.per_class()],
        }
        # One line per photo: indented throughout, with each number on a line, the file would be ten times as long.
        lines = [f'"{key}": {json.dumps(value, default=plain_number)}' for key, value in head.items()]
        photos = ",\n".join(json.dumps(record.to_dict()) for record in self.records)
        write_text(path, "{\n" + ",\n".join(lines) + ',\n"photos": [\n' + photos + "\n]}\n")

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a report that `save` wrote; the numbers are computed from its records again.

        Args:
            path: The file, or the folder that holds it.

        Raises:
            DataError: The file cannot be read, is no report, or is damaged.
        """
        path = Path(path)
        try:
            values = parse_json((path / NAME if path.is_dir() else path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{path} cannot be read ({error}); give the JSON that freeseg evaluate wrote") from error
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise DataError(f"{path} is no report ({FORMAT}); give the JSON that freeseg evaluate wrote")
        try:
            report = cls(Run.from_dict(values["run"]), [PhotoRecord.from_dict(record) for record in values["photos"]])
            report._check()
        except (DataError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is damaged ({error}); evaluate again") from error
        return report

    def _check(self) -> None:
        """Raise ValueError for a file that was edited by hand or copied in part."""
        run, names = self.run, [record.name for record in self.records]
        if not names or run.photos != len(names) or run.photos_sha256 != names_sha256(names):
            raise ValueError("its photos are not those that it says")
        if len(set(names)) < len(names):
            raise ValueError("a photo is in it twice")
        kinds = ((run.protocol, dict), (run.versions, dict), *((text, str) for text in (run.dataset, *run.classes)))
        for value, kind in kinds:
            if not isinstance(value, kind):
                raise ValueError(f"{value!r} is no {kind.__name__}")
        self.statistics()


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """The values with None for NaN, which JSON does not have: it stands for what could not be measured."""
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()}
