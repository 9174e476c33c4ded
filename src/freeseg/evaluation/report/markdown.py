"""A report, or a comparison of two, as Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from freeseg.evaluation.metrics.bootstrap import Interval
from freeseg.evaluation.report import breakdown
from freeseg.evaluation.report.report import HEADLINES, Report
from freeseg.evaluation.report.wording import percent
from freeseg.files import printable

# An underscore inside a word is no markup, and names of photos are full of them.
SPECIAL = re.compile(r"([\\`*\[\]|~#]|(?<![^\W_])_|_(?![^\W_]))")


def markdown(report: Report) -> str:
    """A report as a Markdown document: the headline numbers with their intervals, every class, how it was measured.

    Example:
        >>> from freeseg.evaluation.records import PhotoRecord, Run
        >>> run = Run("mine", ("sky", "cat"), False, 1, "ab", "plain", {}, "m", "cd", "freeseg evaluate", {})
        >>> text = markdown(Report(run, [PhotoRecord("one", [(0, 0, 5)], [], {}, [0], [0], [])]))
        >>> [line for line in text.splitlines() if line.startswith("| mIoU")]
        ['| mIoU | 100.0 | 100.0 to 100.0 |']
    """
    return printable("\n".join(_lines(report)) + "\n")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table: the first column holds words, the others numbers.

    Example:
        >>> table(["class", "IoU"], [["a|b", "1.0"]])
        ['| class | IoU |', '|---|--:|', '| a\\\\|b | 1.0 |']
    """
    rule = "|---|" + "--:|" * (len(heads) - 1)
    return [_row(heads), rule, *map(_row, rows)]


def text(outside: object) -> str:
    """A string from outside, so that Markdown shows it as it is: no markup, no HTML, no second line.

    Example:
        >>> text("<b> *x*")
        '&lt;b&gt; \\\\*x\\\\*'
    """
    return html.escape(SPECIAL.sub(r"\\\1", " ".join(str(outside).split())), quote=False)


def span(interval: Interval) -> str:
    """An interval's bounds: "40.1 to 45.6"."""
    return f"{percent(interval.low)} to {percent(interval.high)}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(text, cells)) + " |"


def _lines(report: Report) -> Iterator[str]:
    run, numbers = report.run, report.numbers()
    yield f"# {text(run.dataset)}, {text(run.model)}"
    yield ""
    absent = f" ({report.absent} in none of these photos)" if report.absent else ""
    protocol = text(run.protocol.get("name", "unnamed"))
    yield (
        f"{run.photos} photos, {len(run.classes)} classes{absent}. "
        f"Setting {text(run.setting)}, protocol {protocol}. Percent; mSC from -100 to 100."
    )
    yield ""
    rows = [
        [headline.name, percent(numbers[headline.name].value), span(numbers[headline.name])] for headline in HEADLINES
    ]
    yield from table(["", "measured", "95 % interval"], rows)
    yield ""
    yield from table(
        ["class", "IoU", "boundary IoU", "accuracy", "precision", "share of pixels", "photos"],
        [[row.name, *(percent(value) for value in row[1:6]), str(row.photos)] for row in report.per_class()],
    )
    yield ""
    for mixup in breakdown.mixups(report.confusion, run.classes):
        yield f"- {text(mixup.truth)} taken for {text(mixup.prediction)}: {percent(mixup.share)} % of its pixels"
    yield ""
    yield "none and 0: as the model's own config has it. refine: whether maps are refined whatever the setting."
    yield ""
    yield from table(
        ["protocol", ""], [[key, "none" if value is None else str(value)] for key, value in run.protocol.items()]
    )
    yield ""
    yield f"Model {text(run.model)}, weights and settings sha256 {text(run.model_sha256)}."
    yield f"Photos: names sha256 {text(run.photos_sha256)}."
    yield f"Versions: {', '.join(f'{text(key)} {text(value)}' for key, value in run.versions.items())}."
    yield ""
    yield from ("    " + line for line in run.command.splitlines())
