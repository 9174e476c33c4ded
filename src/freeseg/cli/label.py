"""`freeseg label`: free masks for thousands of photos."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.options import Device, Labels, Model, Out, read_labels
from freeseg.models import DEFAULT

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.data.free_masks import FreeMasks

LISTED = 30  # labels in the table


class Format(StrEnum):
    """What is written."""

    MASKS = "masks"
    COCO = "coco"


def label(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Caption folders (captions.jsonl + images), webdataset tars, or folders of photos without captions.",
            metavar="SOURCE",
            show_default=False,
        ),
    ],
    labels: Labels,
    out: Out,
    model: Model = DEFAULT,
    device: Device = "cpu",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes, each with a model; as many as cores, up to 8, or 1 on a GPU.")
    ] = None,
    format: Annotated[Format, typer.Option(help="masks, or coco: a coco.json as well.")] = Format.MASKS,
    sample: Annotated[int, typer.Option(min=0, help="Photos on the contact sheet.")] = 24,
    seed: Annotated[int, typer.Option(help="Which photos are on it.")] = 0,
    ignore_below: Annotated[
        float | None, typer.Option(min=0, max=1, help='Pixels less sure than this become "don\'t know".')
    ] = None,
) -> None:
    """Label photos with free masks, to train a segmentation network on. Stopped, it goes on where it was.

    Where a photo has captions that mention labels, these may be in it and no others; else presence decides.
    """
    from rich.console import Console

    from freeseg.cli.progress import progress
    from freeseg.data import CaptionFolder, open_sources
    from freeseg.labelling import label as label_sources
    from freeseg.labelling import write_coco

    vocabulary = read_labels(labels)
    opened = open_sources(sources, without=out)
    with progress("labelling") as update:
        done = label_sources(
            opened,
            out,
            labels=vocabulary,
            model=model,
            device=device,
            ignore_below=ignore_below,
            workers=workers,
            sample=sample,
            seed=seed,
            progress=update,
        )
    if format is Format.COCO:
        with progress("coco.json") as update:
            write_coco(done.masks, out / "coco.json", progress=update)
    console = Console(markup=False, emoji=False)  # labels and names are shown as they are
    if done.masks.entries:
        console.print(_table(done.masks))
    console.print(f"{done.labelled} photos labelled, {len(done.masks.entries)} in all; free masks in {out}")
    if done.removed:
        typer.echo(f"{done.removed} photos labelled before are no longer there; they are out of the manifest", err=True)
    for source in opened:
        if isinstance(source, CaptionFolder) and source.photos_without_line:
            typer.echo(
                f"{source.photos_without_line} photos of {source.name} have no line in captions.jsonl and are not "
                'labelled; a line with "captions": [] has them labelled by what they show',
                err=True,
            )
    if done.failed:
        for reason in done.failed:
            typer.echo(f"freeseg: {reason}", err=True)
        raise typer.Exit(1)


def _table(masks: FreeMasks) -> Table:
    """The labels that most photos show."""
    from collections import Counter

    from rich.table import Table

    photos, area = Counter[str](), Counter[str]()
    for entry in masks.entries:
        photos.update(entry.areas.keys())
        area.update(entry.areas)  # shares, not counts: they add up as well
    count = len(masks.entries)
    ignored = sum(entry.ignored for entry in masks.entries) / count
    table = Table("label", "photos", "mean area", title=f"{count} photos, {ignored:.1%} ignored")
    for name, shown in photos.most_common(LISTED):
        table.add_row(name, str(shown), f"{area[name] / shown:.1%}")
    return table
