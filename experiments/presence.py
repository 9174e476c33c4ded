"""What presence is worth at each patch: rules of decision beside one another, on photos with masks.

    python experiments/presence.py voc20=VOC_FOLDER voc21=VOC_FOLDER folder=MASKS_FOLDER

The first rule is the one before: a label may appear if its presence is 0.55 of the highest, and then all that may
appear are alike. In the others presence is the prior probability of a label as well, with more or less weight.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from shared import OWN_PROTOCOL, Table

import freeseg
from freeseg.cli.progress import progress
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.decision.rule import Decision
from freeseg.evaluation import Report
from freeseg.evaluation.measure import describe_run, evenly_spaced, measure_photos
from freeseg.evaluation.metrics.confusion import MEAN_IOU
from freeseg.evaluation.metrics.metric import Metric
from freeseg.evaluation.metrics.presence import PRESENCE_F1
from freeseg.evaluation.report.compare import compare
from freeseg.evaluation.report.markdown_table import table as markdown_table
from freeseg.files import write_text
from freeseg.pipeline import FreeSeg

BEFORE: dict[str, float] = {"presence_weight": 0.0, "presence_ratio": 0.55, "presence_share": 0.06}
BEFORE_NAME = "0, ratio 0.55, share 6 %"
RULES: dict[str, dict[str, float]] = {  # what differs from the default rule
    BEFORE_NAME: BEFORE,
    "0": {"presence_weight": 0.0},
    "1, the default": {},
    "2": {"presence_weight": 2.0},
    "1, ratio 0.55": {"presence_ratio": 0.55},
    "1, share 3 %": {"presence_share": 0.03},
    "1, share 6 %": {"presence_share": 0.06},
}


def main(
    sets: Annotated[list[str], typer.Argument(metavar="DATASET=FOLDER...", help="Datasets and where they are.")],
    setting: Annotated[str, typer.Option(help="As freeseg evaluate takes it.")] = "typed",
    model: Annotated[str, typer.Option(help="As freeseg evaluate takes it.")] = "freeseg-lite",
    precision: Annotated[str | None, typer.Option(help="As freeseg evaluate takes it.")] = None,
    table: Table = None,
    limit: int | None = None,
) -> None:
    """Measure all rules on all sets, and print the tables of mIoU and of presence F1."""
    loaded = freeseg.load(model, precision=precision)
    named = [(dataset, Path(folder)) for dataset, _, folder in (each.partition("=") for each in sets)]
    opened = [evenly_spaced(open_dataset(*each), limit) for each in named]
    found = {rule: [measured(loaded, data, setting, changes) for data in opened] for rule, changes in RULES.items()}
    columns = ["weight of presence", *(f"{folder.name}, {dataset}" for dataset, folder in named)]
    text = ""
    for metric in (MEAN_IOU, PRESENCE_F1):
        rows = [
            [rule, *(value(report, first, metric) for report, first in zip(reports, found[BEFORE_NAME], strict=True))]
            for rule, reports in found.items()
        ]
        lines = [f"{metric.name}, and the change from the first row", "", *markdown_table(columns, rows), "", ""]
        text += "\n".join(lines)
    typer.echo(text, nl=False)
    if table:
        write_text(table, text)


def measured(model: FreeSeg, data: SegmentationData, setting: str, changes: dict[str, float]) -> Report:
    """The report of a dataset, with the default rule's presence or what is changed in it."""
    own = {name: getattr(Decision(), name) for name in BEFORE} | changes
    changed = model.with_config(replace(model.config, decision=replace(model.config.decision, **own)))
    with progress("photos") as update:
        records = measure_photos(changed, data, OWN_PROTOCOL, setting=setting, progress=update)
    return Report(describe_run(changed, data, OWN_PROTOCOL, setting=setting), records)


def value(report: Report, first: Report, metric: Metric) -> str:
    """The number in percent, and its change from the first rule with the 95 % interval over the photos."""
    number = f"{report.numbers()[metric.name].value:.1f}"
    if report is first:
        return number
    change = next(each.change for each in compare(first, report).differences if each.metric is metric)
    return f"{number} ({change.value:+.1f}, {change.low:+.1f} to {change.high:+.1f})"


if __name__ == "__main__":
    typer.run(main)
