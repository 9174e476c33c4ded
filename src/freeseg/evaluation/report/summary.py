"""The headline numbers of a report in short: for a terminal, and for a model's card."""

from __future__ import annotations

import math

from freeseg.evaluation.report.markdown_table import table
from freeseg.evaluation.report.report import Report
from freeseg.evaluation.report.wording import bounds, percent


def summary(report: Report) -> str:
    """The headline numbers with their intervals, for a terminal.

    Example:
        >>> from freeseg.evaluation.records import PhotoRecord, Run
        >>> run = Run("mine", ("sky", "cat"), False, 1, "ab", "plain", {"name": "tcl"}, "m", "cd", "", {})
        >>> summary(Report(run, [PhotoRecord("one", {"confusion": [(0, 0, 5)]})])).splitlines()[4]
        '| mIoU | 100.0 | 100.0 to 100.0 |'
    """
    rows = [[name, percent(number.value), bounds(number)] for name, number in report.numbers().items()]
    head = f"{report.run.model} on {_with_conditions(report, report.run.dataset)}"
    return "\n".join([head, "", *table(["number", "value", "95 % interval"], rows)])


def card_metrics(report: Report) -> dict[str, float]:
    """The headline numbers in percent as a model's card lists them; what could not be measured is left out.

    Example:
        >>> from freeseg.evaluation.records import PhotoRecord, Run
        >>> run = Run("mine", ("sky", "cat"), False, 1, "ab", "plain", {"name": "tcl"}, "m", "cd", "", {})
        >>> metrics = card_metrics(Report(run, [PhotoRecord("one", {"confusion": [(0, 0, 5)]})]))
        >>> metrics["mine mIoU (1 photos, plain, tcl)"]
        100.0
    """
    return {
        _with_conditions(report, f"{report.run.dataset} {name}"): round(number.value, 1)
        for name, number in report.numbers().items()
        if not math.isnan(number.value)
    }


def _with_conditions(report: Report, name: str) -> str:
    """The name with how many photos were measured, and with the setting and protocol where they are not the default."""
    run = report.run
    changed = [value for value in (run.setting, run.protocol["name"]) if value != "freeseg"]
    return f"{name} ({', '.join([f'{run.photos} photos', *changed])})"
