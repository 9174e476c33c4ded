"""`freeseg label`: free masks for thousands of photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.many import Address, RetryErrors, Where, options_of, place, refuse, run_over_photos, unusual_model
from freeseg.cli.options import ENGINE_HELP, Labels, ModelOptions, Out, PhotoOptions, Seed, numbers, read_labels
from freeseg.cli.output import console, error_text, say
from freeseg.engines.choose import EngineName
from freeseg.models.precisions import OTHER_NAMES, EnginePrecision

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.data import PhotoSource
    from freeseg.data.free_masks import FreeMasks
    from freeseg.labelling.photo import LabellingOptions
    from freeseg.photos import FoundPhoto

LISTED = 30  # labels in the table
SAMPLE = 24  # photos of the contact sheet


def label(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Folders of photos, folders of photos with captions (captions.jsonl and images/), webdataset tars; "
            "and photos as freeseg segment takes them: files, patterns, URLs, videos, @FILE for a list of names, or -.",
            metavar="SOURCE",
            show_default=False,
        ),
    ],
    *,
    labels: Labels,
    out: Out,
    which: PhotoOptions,
    model: Annotated[ModelOptions, Without(("revision", "mode", "precision", "short_side", "onnx", "engine"))],
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
        Literal["masks", "coco", "parquet"],
        typer.Option(
            help="What to write: masks as PNG files; these and all of them in one COCO file as well; or Parquet files "
            "with a row for each photo, for more photos than memory holds the names of."
        ),
    ] = "masks",
    sample: Annotated[
        int, typer.Option(min=0, max=10_000, help="How many photos the contact sheet shows. 0 writes no contact sheet.")
    ] = SAMPLE,
    seed: Seed = 0,
    ignore_below: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Pixels with a lower confidence than this become \"don't know\". [default: the model's own rule]",
        ),
    ] = None,
    engine: Annotated[
        EngineName | Literal["ray"],
        typer.Option("--engine", help=f"{ENGINE_HELP} ray shares the photos out, on this machine or a cluster."),
    ] = "auto",
    address: Address = None,
    retry_errors: RetryErrors = False,
) -> None:
    """Label photos with free masks, on which freeseg train trains a segmentation network.

    Where a photo has captions that mention labels, only those labels can appear in its mask. For other photos, the
    model decides which labels are present. If the command is stopped, running it again continues where it stopped.

    Photos that are no files by themselves (of URLs, of a pipe, frames of videos) are kept in the folder "collected"
    beside the masks, where freeseg train finds them again.

    With --engine ray, the machines of a cluster label the photos; all of them must see the folder of --out. The masks
    are the same, and it needs the extra ray.

    With --format parquet, photos may also be in Parquet files and in stores (s3://...), and --out may be in a store;
    but no photos come from videos or a pipe. freeseg train reads the masks. It needs the extra parquet.

    Examples:
        freeseg label photos --labels "person|man|woman, cat, cup|mug" --out masks
        freeseg label captioned --labels "cat, sofa|couch" --out masks-coco --format coco --workers 1
        freeseg label photos --labels "cat, dog" --views 256,352 --out better-masks
        freeseg label "photos/**/*.jpg" @names.txt --labels "cat, dog" --out named-masks
        freeseg label clip.mp4 --every 10 --labels "cat, dog" --out clip-masks
        freeseg label photos --labels "cat, dog" --format parquet --out mask-rows
        freeseg label photos --labels "cat, dog" --engine ray --address head:6379 --out masks  # needs a network
    """
    from freeseg.cli.progress import progress
    from freeseg.data import is_source, open_sources
    from freeseg.errors import OutputError
    from freeseg.labelling import label as label_sources
    from freeseg.labelling import write_coco
    from freeseg.labelling.photo import LabellingOptions
    from freeseg.photos import Skipped
    from freeseg.places import is_remote

    where = Where(on_ray=engine == "ray", address=address, retry_errors=retry_errors)
    where.check()
    unusual = {"--workers": workers is not None} | unusual_model(model) | {"--views": False}
    if format == "parquet":
        unusual["--sample"] = sample != SAMPLE
        unusual["--frames, --every or --allow-private-addresses"] = which != PhotoOptions()
        refuse(unusual, "--format parquet")
        options = LabellingOptions(
            out,
            read_labels(labels),
            options_of(model)["model"],
            ignore_below=ignore_below,
            engine="auto" if engine == "ray" else engine,
            precision=precision,
            views=tuple(numbers(model.views, "--views") or ()),
        )
        _label_as_rows(sources, options, where)
        return
    refuse({"--retry-errors": retry_errors}, f"--format {format}")
    if where.on_ray:
        refuse(unusual, "--engine ray")
    if is_remote(place(out)):
        raise OutputError(f"free masks are not written to a store, as {place(out)} is; choose a folder")
    vocabulary, skipped = read_labels(labels), Skipped()
    opened = open_sources([each for each in sources if is_source(each)], without=out)
    photos = [each for each in sources if not is_source(each)]
    found = which.find(photos, without=out, skipped=skipped) if photos else []
    named, unread = _named(found, out)
    opened += named
    with progress("labelling") as update:
        done = label_sources(
            opened,
            out,
            model=model.model,
            device=model.device,
            engine="auto" if engine == "ray" else engine,
            precision=precision,
            labels=vocabulary,
            ignore_below=ignore_below,
            views=numbers(model.views, "--views"),
            workers=workers,
            labeller=where.labeller() if where.on_ray else None,
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
    for line in [*_left_out(opened), *skipped.lines()]:
        say(line, err=True)
    if failed := [*unread, *done.failed]:
        for reason in failed:
            say(error_text(reason), err=True)
        raise typer.Exit(1)


def _label_as_rows(sources: Sequence[str], options: LabellingOptions, where: Where) -> None:
    """Write the masks into Parquet files."""
    from freeseg.data.free_masks import LABELS
    from freeseg.distributed import free_mask_plan
    from freeseg.errors import OutputError

    out = options.folder
    if (out / LABELS).exists():
        raise OutputError(f"{out} holds masks that are files; choose another folder for --format parquet")
    run_over_photos(sources, lambda: free_mask_plan(options), out, where, captions=True)


def _named(found: Sequence[FoundPhoto], out: Path) -> tuple[list[PhotoSource], list[str]]:
    """Photos that were named one by one, as sources, and for each that could not be read a line that says why."""
    from freeseg.cli.progress import progress
    from freeseg.data import NamedPhotos
    from freeseg.labelling import COLLECTED, collect_photos

    files = [photo.path for photo in found if photo.picture is None]
    elsewhere = [photo for photo in found if photo.picture is not None]
    sources: list[PhotoSource] = [NamedPhotos(files)] if files else []
    if not elsewhere:
        return sources, []
    with progress("collecting") as update:
        collected, unread = collect_photos(elsewhere, out / COLLECTED, progress=update)
    return [*sources, *([collected] if collected else [])], unread


def _left_out(sources: Sequence[PhotoSource]) -> Iterator[str]:
    """A line for each kind of what is not labelled."""
    from freeseg.data import CaptionFolder, PhotoFolder

    for source in sources:
        if isinstance(source, CaptionFolder) and source.photos_without_line:
            yield (
                f"{source.photos_without_line} photos of {source.name} have no line in captions.jsonl and are not "
                'labelled; a line with "captions": [] has them labelled by what they show'
            )
        if isinstance(source, PhotoFolder):
            yield from (f"{source.name}: {line}" for line in source.skipped.lines())


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
