"""`freeseg evaluate`: a model's numbers on photos with masks, as JSON, Markdown and a page with pictures."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import Device, Mode, Model, Onnx, Out, Precision, Revision, ShortSide
from freeseg.models import DEFAULT


def evaluate(
    dataset: Annotated[str, typer.Option(help="voc21, voc20, context60, ade20k, ..., or folder.")],
    root: Annotated[Path, typer.Option(help="Where the dataset lies, as its authors pack it.")],
    out: Out,
    classes: Annotated[Path | None, typer.Option(help="JSON file with the classes of --dataset folder.")] = None,
    setting: Annotated[str, typer.Option(help="Words and refinement: freeseg, plain, aliases or refined.")] = "freeseg",
    protocol: Annotated[
        str, typer.Option(help="Sizes, windows, decision: freeseg, sclip, clearclip or tcl.")
    ] = "freeseg",
    model: Model = DEFAULT,
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
    from freeseg import evaluation
    from freeseg.cli.progress import progress
    from freeseg.evaluation.report.summary import summary

    with progress("evaluating") as update:
        report = evaluation.run(
            model,
            dataset=dataset,
            root=root,
            out=out,
            classes=classes,
            setting=setting,
            protocol=protocol,
            revision=revision,
            mode=mode,
            precision=precision,
            short_side=short_side,
            onnx=onnx,
            device=device,
            workers=workers,
            limit=limit,
            record=record,
            command=shlex.join(["freeseg", *sys.argv[1:]]),
            progress=update,
        )
    typer.echo(f"{summary(report)}\n\nReport: {out / 'report.html'}")
