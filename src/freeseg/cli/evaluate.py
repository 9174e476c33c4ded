"""`freeseg evaluate`: a model's numbers on photos with masks, as JSON, Markdown and a page with pictures."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.options import DEFAULT_MODEL, Device, Mode, Model, Onnx, Out, Precision, Revision, ShortSide

if TYPE_CHECKING:
    from freeseg.evaluation.report.report import Report

PICTURED = 6  # photos at either end of the page


def evaluate(
    dataset: Annotated[str, typer.Option(help="voc21, voc20, context60, ade20k, ..., or folder.")],
    root: Annotated[Path, typer.Option(help="Where the dataset lies, as its authors pack it.")],
    out: Out,
    classes: Annotated[Path | None, typer.Option(help="JSON file with the classes of --dataset folder.")] = None,
    setting: Annotated[str, typer.Option(help="Words and refinement: freeseg, plain, aliases or refined.")] = "freeseg",
    protocol: Annotated[
        str, typer.Option(help="Sizes, windows, decision: freeseg, sclip, clearclip or tcl.")
    ] = "freeseg",
    model: Model = DEFAULT_MODEL,
    revision: Revision = None,
    mode: Mode = None,
    precision: Precision = "float32",
    short_side: ShortSide = None,
    onnx: Onnx = None,
    device: Device = "cpu",
    workers: Annotated[int, typer.Option(min=0, help="Processes that read photos and masks.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="This many photos, evenly spread: a quick look.")] = None,
    record: Annotated[bool, typer.Option(help="Write the numbers into the model's config and card.")] = False,
) -> None:
    """Measure a model on photos with masks, which are read for measuring only. Stopped, it goes on where it was."""
    import scipy  # noqa: F401 - the metrics need it: without it, stop before the work

    import freeseg
    from freeseg.cli.progress import progress
    from freeseg.data.segmentation import open_dataset
    from freeseg.errors import FreeSegError
    from freeseg.evaluation import measure, protocols
    from freeseg.evaluation.report.gallery import gallery
    from freeseg.evaluation.report.markdown import markdown
    from freeseg.evaluation.report.page import page
    from freeseg.evaluation.report.report import NAME, Report
    from freeseg.files import write_text
    from freeseg.models import checkpoint, find_model
    from freeseg.models.devices import canonical_precision

    if record and (short_side is not None or onnx is not None or canonical_precision(precision) != "float32"):
        raise FreeSegError("--record is for the model as it is; leave --short-side, --precision and --onnx out")
    if record:
        checkpoint.read_config(find_model(model))  # a CLIP has no card: said before the work
    rules = protocols.protocol(protocol, dataset)
    if short_side is not None and rules.short_side is not None:
        raise FreeSegError(f"the protocol {protocol} has a short side of its own; leave --short-side out")
    data = measure.evenly_spaced(open_dataset(dataset, root, classes), limit)
    network = freeseg.load(model, device, revision, mode, precision, short_side, onnx)
    journal = out / "photos.jsonl"
    with progress("evaluating") as update:
        records = measure.evaluate(network, data, rules, setting, journal, workers, update)
    command = shlex.join(["freeseg", *sys.argv[1:]])
    report = Report(measure.describe(network, data, rules, setting, command), records)
    worst = gallery(network, data, rules, setting, report.worst(PICTURED))
    best = gallery(network, data, rules, setting, report.best(PICTURED), best=True)
    report.save(out / NAME)
    write_text(out / "report.md", markdown(report))
    write_text(out / "report.html", page(report, worst, best))
    journal.unlink()
    if record:
        checkpoint.record(find_model(model), _metrics(report))
    typer.echo(_summary(report) + f"\n\nReport: {out / 'report.html'}")


def _summary(report: Report) -> str:
    """The headline numbers for a terminal."""
    from freeseg.evaluation.report.markdown_table import table
    from freeseg.evaluation.report.wording import bounds, percent

    rows = [[name, percent(number.value), bounds(number)] for name, number in report.numbers().items()]
    head = f"{report.run.model} on {_name(report, report.run.dataset)}"
    return "\n".join([head, "", *table(["number", "value", "95 % interval"], rows)])


def _metrics(report: Report) -> dict[str, float]:
    """The headline numbers as a model card lists them; what could not be measured is left out."""
    return {
        _name(report, f"{report.run.dataset} {name}"): round(number.value, 1)
        for name, number in report.numbers().items()
        if not math.isnan(number.value)
    }


def _name(report: Report, what: str) -> str:
    """With what a number must not be told without: how many photos, and what is not the default."""
    run = report.run
    changed = [value for value in (run.setting, run.protocol["name"]) if value != "freeseg"]
    return f"{what} ({', '.join([f'{run.photos} photos', *changed])})"
