"""`freeseg label`: free masks for thousands of photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.options import Labels, ModelOptions, Out, Seed, Sources, numbers, read_labels
from freeseg.cli.output import console, error_text, say
from freeseg.models.precisions import OTHER_NAMES, EnginePrecision

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.data.free_masks import FreeMasks

LISTED = 30  # labels in the table


def label(
    sources: Sources,
    *,
    labels: Labels,
    out: Out,
    model: Annotated[ModelOptions, Without(("revision", "mode", "precision", "short_side", "onnx"))],
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="How many processes label photos, each with a model of its own. [default: one for each core, at most "
            "8; on a GPU, 1]",
        ),
    ] = None,
    precision: Annotated[
        EnginePrecision,
        OTHER_NAMES,
        typer.Option(
            help="Number format of the computation. int8 is faster; float32 gives the same masks on every processor."
        ),
    ] = "float32",
    format: Annotated[
        Literal["masks", "coco"],
        typer.Option(help="What to write: masks as PNG files, or these and all of them in one COCO file as well."),
    ] = "masks",
    sample: Annotated[
        int, typer.Option(min=0, max=10_000, help="How many photos the contact sheet shows. 0 writes no contact sheet.")
    ] = 24,
    seed: Seed = 0,
    ignore_below: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Pixels with a lower confidence than this become \"don't know\". [default: the model's own rule]",
        ),
    ] = None,
) -> None:
    """Label photos with free masks, on which freeseg train trains a segmentation network.

    Where a photo has captions that mention labels, only those labels can appear in its mask. For other photos, the
    model decides which labels are present. If the command is stopped, running it again continues where it stopped.

    Examples:
        freeseg label photos --labels "person|man|woman, cat, cup|mug" --out masks
        freeseg label captioned --labels "cat, sofa|couch" --out masks-coco --format coco --workers 1
        freeseg label photos --labels "cat, dog" --views 256,352 --out better-masks
    """
    from freeseg.cli.progress import progress
    from freeseg.data import CaptionFolder, PhotoFolder, open_sources
    from freeseg.labelling import label as label_sources
    from freeseg.labelling import write_coco

    vocabulary = read_labels(labels)
    opened = open_sources(sources, without=out)
    with progress("labelling") as update:
        done = label_sources(
            opened,
            out,
            model=model.model,
            device=model.device,
            engine=model.engine,
            precision=precision,
            labels=vocabulary,
            ignore_below=ignore_below,
            views=numbers(model.views, "--views"),
            workers=workers,
            progress=update,
            sample=sample,
            seed=seed,
        )
    if format == "coco":
        with progress("coco.json") as update:
            write_coco(done.masks, out / "coco.json", progress=update)
    terminal = console()
    if done.masks.entries:
        terminal.print(_table(done.masks))
    terminal.print(f"{done.labelled} photos labelled, {len(done.masks.entries)} in all; free masks in {out}")
    if done.removed:
        say(f"{done.removed} photos labelled before are no longer there; they are out of the manifest", err=True)
    for source in opened:
        if isinstance(source, CaptionFolder) and source.photos_without_line:
            say(
                f"{source.photos_without_line} photos of {source.name} have no line in captions.jsonl and are not "
                'labelled; a line with "captions": [] has them labelled by what they show',
                err=True,
            )
        if isinstance(source, PhotoFolder):
            for line in source.skipped.lines():
                say(f"{source.name}: {line}", err=True)
    if done.failed:
        for reason in done.failed:
            say(error_text(reason), err=True)
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
