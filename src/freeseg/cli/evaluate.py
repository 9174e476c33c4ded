"""`freeseg evaluate`: a model's numbers on photos with masks, as JSON, Markdown and a page with pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import ModelOptions, Out, Readers
from freeseg.cli.output import say
from freeseg.cli.training import command_line
from freeseg.evaluation.names import ProtocolName, SettingName


def evaluate(
    *,
    dataset: Annotated[
        str, typer.Option(help="Name of the dataset: voc21, voc20, context60, ade20k, ..., or folder for your own.")
    ],
    root: Annotated[Path, typer.Option(help="Folder of the dataset, in the layout in which its authors publish it.")],
    out: Out,
    classes: Annotated[
        Path | None, typer.Option(help="JSON file with the classes, for --dataset folder. [default: classes.json]")
    ] = None,
    setting: Annotated[
        SettingName, typer.Option(help="Which words stand for the classes, and whether masks are refined.")
    ] = "freeseg",
    protocol: Annotated[
        ProtocolName, typer.Option(help="Whose rules decide how photos are resized, cut into windows and labelled.")
    ] = "freeseg",
    model: ModelOptions,
    readers: Readers = 2,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Measure only this many photos, evenly spread over the dataset. [default: all]"),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write the headline numbers into the model's config and model card.")
    ] = False,
) -> None:
    """Measure a model on photos with annotated masks, and write a report.

    The masks are used for measuring only. If the command is stopped, running it again continues where it stopped.

    Examples:
        freeseg evaluate --dataset folder --root measured --out reports/network
        freeseg evaluate --dataset folder --root measured --out reports/teacher --model freeseg-lite-iclip
        freeseg evaluate --dataset folder --root measured --out reports/plain --setting plain --limit 100
    """
    from freeseg import evaluation
    from freeseg.cli.progress import progress
    from freeseg.evaluation.report.summary import summary

    with progress("evaluating") as update:
        report = evaluation.run(
            **model.for_load(),
            dataset=dataset,
            root=root,
            out=out,
            classes=classes,
            setting=setting,
            command=command_line(),
            protocol=protocol,
            workers=readers,
            limit=limit,
            record=record,
            progress=update,
        )
    say(f"{summary(report)}\n\nReport: {out / 'report.html'}")
