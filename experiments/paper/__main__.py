"""The command line of the paper's experiment."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from freeseg.errors import FreeSegError
from freeseg.evaluation.names import ProtocolName, SettingName
from freeseg.files import write_text
from freeseg.models.devices import require_device
from freeseg.models.towers import DEFAULT_NETWORK
from freeseg.training import processes
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.teacher.recipe import TeacherRecipe

from .cost import cost
from .plan import plan
from .settings import TOWERS, Settings, Tower
from .stages import outcome_of, run_stages
from .table import page

RESULTS = "results.md"


def main(
    captions: Annotated[list[str], typer.Option(help="Photos with captions, as freeseg pretrain takes them.")],
    images: Annotated[list[Path], typer.Option(help="Folders of photos, for free masks and the networks.")],
    out: Annotated[Path, typer.Option(help="Folder for everything; a later run goes on from what is there.")],
    voc: Annotated[Path | None, typer.Option(help="VOC 2012, to measure on.")] = None,
    context: Annotated[Path | None, typer.Option(help="VOC 2010 with PASCAL Context, to measure on.")] = None,
    coco: Annotated[Path | None, typer.Option(help="COCO 2017 with COCO-Stuff, to measure on.")] = None,
    tower: Annotated[
        list[str] | None,
        typer.Option(help="IMAGE, or IMAGE=ATTENTION: a frozen tower, and one whose class token gives the attention."),
    ] = None,
    cache: Annotated[Path, typer.Option(help="Folder in which features are cached.")] = Settings.cache,
    labels: Annotated[str, typer.Option(help="Labels of the free masks, or the name of a list.")] = Settings.labels,
    encoder: Annotated[str, typer.Option(help="Encoder of the networks.")] = DEFAULT_NETWORK,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of the ICLIPs.")] = TeacherRecipe.epochs,
    batch_size: Annotated[int, typer.Option(min=2, help="Batch of the ICLIPs.")] = TeacherRecipe.batch_size,
    trainings: Annotated[int, typer.Option(min=1, help="Trainings that are averaged.")] = Settings.trainings,
    network_epochs: Annotated[int, typer.Option(min=1, help="Epochs of the networks.")] = NetworkRecipe.epochs,
    network_batch_size: Annotated[int, typer.Option(min=1, help="Batch of the networks.")] = NetworkRecipe.batch_size,
    side: Annotated[int, typer.Option(help="Side of the networks' crops.")] = NetworkRecipe.side,
    setting: Annotated[SettingName, typer.Option(help="Which words stand for the classes.")] = Settings.setting,
    protocol: Annotated[ProtocolName, typer.Option(help="Whose rules decide.")] = Settings.protocol,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many photos of each data set.")] = None,
    device: Annotated[str, typer.Option(help="What is computed on: cpu, cuda, ...")] = Settings.device,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that label photos.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    only_cost: Annotated[bool, typer.Option("--cost", help="Only say what it would cost on this machine.")] = False,
) -> None:
    """Train, label, train, measure, and write the table."""
    roots = {name: root for name, root in (("voc", voc), ("context", context), ("coco", coco)) if root}
    settings = Settings(
        tuple(captions),
        tuple(images),
        out,
        roots,
        towers=tuple(Tower(*each.partition("=")[::2]) for each in tower) if tower else TOWERS,
        cache=cache,
        labels=labels,
        encoder=encoder,
        teacher=replace(TeacherRecipe(), epochs=epochs, batch_size=batch_size),
        network=replace(NetworkRecipe(), epochs=network_epochs, batch_size=network_batch_size, side=side),
        trainings=trainings,
        setting=setting,
        protocol=protocol,
        limit=limit,
        device=device,
        workers=workers,
    )
    if only_cost:
        typer.echo("\n".join(cost(settings)))
    elif dry_run:
        for stage in plan(settings):
            typer.echo(f"{'to do' if outcome_of(stage, out) is None else 'done':6}{stage.what}")
    else:
        run(settings)


def run(settings: Settings) -> None:
    """Run what is not done yet, and write the table. Under torchrun, several processes share the trainings."""
    with processes.joined(require_device(settings.device)):
        say = processes.ignore if processes.index() else typer.echo
        outcomes = run_stages(plan(settings), settings.out, say)
        if processes.index() == 0:
            text = page(settings, outcomes)
            write_text(settings.out / RESULTS, text)
            say(text)


if __name__ == "__main__":
    try:
        typer.run(main)
    except FreeSegError as error:
        sys.exit(f"experiments.paper: {error}")
