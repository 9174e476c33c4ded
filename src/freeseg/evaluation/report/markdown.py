"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from freeseg.evaluation.metrics.headlines import HEADLINES
from freeseg.evaluation.report import breakdown
from freeseg.evaluation.report.markdown_table import escape, table
from freeseg.evaluation.report.report import Report
from freeseg.evaluation.report.wording import bounds, percent
from freeseg.files import printable


def markdown(report: Report) -> str:
    """A report as a Markdown document: the headline numbers with their intervals, every class, how it was measured.

    Example:
        >>> from freeseg.evaluation.records import PhotoRecord, Run
        >>> run = Run("mine", ("sky", "cat"), False, 1, "ab", "plain", {}, "m", "cd", "freeseg evaluate", {})
        >>> text = markdown(Report(run, [PhotoRecord("one", {"confusion": [(0, 0, 5)]})]))
        >>> [line for line in text.splitlines() if line.startswith("| mIoU")]
        ['| mIoU | 100.0 | 100.0 to 100.0 |']
    """
    return printable("\n".join(_lines(report)) + "\n")


def _lines(report: Report) -> Iterator[str]:
    run, numbers = report.run, report.numbers()
    yield f"# {escape(run.dataset)}, {escape(run.model)}"
    yield ""
    absent = f" ({report.absent} in none of these photos)" if report.absent else ""
    protocol = escape(run.protocol.get("name", "unnamed"))
    yield (
        f"{run.photos} photos, {len(run.classes)} classes{absent}. "
        f"Setting {escape(run.setting)}, protocol {protocol}. Percent; mSC from -100 to 100."
    )
    yield ""
    rows = [[metric.name, percent(numbers[metric.name].value), bounds(numbers[metric.name])] for metric in HEADLINES]
    yield from table(["", "measured", "95 % interval"], rows)
    yield ""
    yield from table(
        ["class", "IoU", "boundary IoU", "accuracy", "precision", "share of pixels", "photos"],
        [[row.name, *(percent(value) for value in row[1:6]), str(row.photos)] for row in report.per_class()],
    )
    yield ""
    for mixup in breakdown.mixups(report.confusion, run.classes):
        yield f"- {escape(mixup.truth)} taken for {escape(mixup.prediction)}: {percent(mixup.share)} % of its pixels"
    yield ""
    yield "none and 0: as the model's own config has it. refine: whether maps are refined whatever the setting."
    yield ""
    yield from table(
        ["protocol", ""], [[key, "none" if value is None else str(value)] for key, value in run.protocol.items()]
    )
    yield ""
    yield f"Model {escape(run.model)}, weights and settings sha256 {escape(run.model_sha256)}."
    yield f"Photos: names sha256 {escape(run.photos_sha256)}."
    yield f"Versions: {', '.join(f'{escape(key)} {escape(value)}' for key, value in run.versions.items())}."
    yield ""
    yield from ("    " + line for line in run.command.splitlines())
