"""`freeseg segment`: photos and words in; overlays, masks and JSON out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.options import DEFAULT_OUT, Background, Labels, ModelOptions, Out, Overwrite, read_labels
from freeseg.cli.output import console, error_text, say
from freeseg.results.formats import DEFAULT_FORMATS, ENDINGS, read_formats

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.results.area_table import Row
    from freeseg.results.segmentation import Segmentation

SPOKEN = {"overlay": "overlays", "mask": "masks", "cutout": "cut-outs", "labelme": "LabelMe files"}  # what was written


def segment(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", show_default=False)],
    *,
    labels: Labels,
    out: Out = DEFAULT_OUT,
    background: Background = True,
    save: Annotated[
        str, typer.Option("--save", help=f"What to write of each photo, separated by commas: {', '.join(ENDINGS)}.")
    ] = ",".join(DEFAULT_FORMATS),
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="Also write what was found in all photos to this CSV file: a row for each label of each photo, with "
            "its area and confidence.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    model: ModelOptions,
) -> None:
    """Segment photos by words. Each photo gives an overlay (JPEG), a mask (palette PNG) and a summary (JSON).

    With --save, it gives the files that you name, and only these are made.

    Where two photos have the same name, one keeps its suffix or gets some digits; the summary tells the photo's path.

    Examples:
        freeseg segment photo.jpg --labels "person, sofa|couch"
        freeseg segment photos --labels voc20 --out results
        freeseg segment photos --labels voc20 --save mask,coco
        freeseg segment photos --labels "cat, dog" --save cutout,labelme --table found.csv
        freeseg segment photo.jpg --labels "cat, table" --no-background --model freeseg-lite-iclip
        freeseg segment photos --labels "cat, dog" --model openai/clip-vit-base-patch16  # needs a network
    """
    from freeseg.cli.progress import progress
    from freeseg.errors import OutputError, PhotoError
    from freeseg.files import check_folder, remove_half_written
    from freeseg.photos import Skipped, find_photos
    from freeseg.results.area_table import area_rows, check_table, write_table
    from freeseg.results.places import NamedPhoto, choose_stems
    from freeseg.results.saving import save_in_background

    formats = read_formats(save)
    endings = [ENDINGS[name] for name in formats]
    vocabulary = read_labels(labels)
    skipped = Skipped()
    found = find_photos(photos, without=out, skipped=skipped)
    check_folder(out)
    if table is not None:
        check_table(table, overwrite=overwrite)
    named = [NamedPhoto(photo.name.as_posix(), str(photo.path)) for photo in found]
    photo_paths = {os.path.realpath(photo.path) for photo in found}
    stems = choose_stems(named, out, endings=endings, photos=photo_paths, overwrite=overwrite)
    paths = {stem: photo.path for stem, photo in zip(stems, found, strict=True) if isinstance(stem, str)}
    network = model.load()
    for folder in {(out / stem).parent for stem in paths} | ({table.parent} if table is not None else set()):
        remove_half_written(folder, recursive=False)
    failed = [str(stem) for stem in stems if isinstance(stem, OutputError)]
    totals: Counter[str] = Counter()
    rows: list[Row] = []
    with ExitStack() as at_the_end, progress("segmenting") as update:
        if table is not None:  # also of a run that is stopped
            at_the_end.callback(write_table, table, rows)
        outcomes = network.stream(paths.values(), vocabulary, background=background)
        named_outcomes = zip(paths, outcomes, strict=True)
        written = save_in_background(named_outcomes, out, formats=formats, overwrite=overwrite)
        for count, (stem, outcome) in enumerate(written, start=len(failed) + 1):
            if isinstance(outcome, PhotoError | OutputError):
                failed.append(str(outcome))
            else:
                totals.update(outcome.present)
                rows += area_rows(outcome) if table is not None else []
            update(count, len(found), stem)
    terminal, done = console(), len(found) - len(failed)
    if len(found) == 1 and not failed and not isinstance(outcome, PhotoError | OutputError):
        terminal.print(_one(outcome))
    elif totals:
        terminal.print(_many(totals, done))
    terminal.print(f"{done} of {len(found)} photos segmented; {_listed(formats)} in {out}")
    if table is not None:
        terminal.print(f"what was found: {table}")
    for line in (*skipped.lines(), *map(error_text, failed)):
        say(line, err=True)
    if failed:
        raise typer.Exit(1)


def _listed(formats: Sequence[str]) -> str:
    """What was written, in words."""
    *most, last = (SPOKEN.get(name, name.upper()) for name in formats)
    return f"{', '.join(most)} and {last}" if most else last


def _one(result: Segmentation) -> Table:
    from rich.table import Table

    table = Table("label", "area", "confidence", "presence", title=result.name)
    for label, share in sorted(result.areas().items(), key=lambda item: -item[1]):
        score = result.presence.get(label)
        table.add_row(
            label, f"{share:.1%}", f"{result.mean_confidence(label):.2f}", "" if score is None else f"{score:.2f}"
        )
    return table


def _many(totals: Counter[str], photos: int) -> Table:
    from rich.table import Table

    table = Table("label", "photos that show it", title=f"{photos} photos")
    for label, shown in totals.most_common(30):
        table.add_row(label, str(shown))
    return table
