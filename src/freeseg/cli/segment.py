"""`freeseg segment`: photos and words in; overlays, masks and JSON out."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.options import DEFAULT_OUT, Background, Labels, ModelOptions, Out, Overwrite, Photos, read_labels
from freeseg.cli.output import console, error_text, say
from freeseg.results.formats import DEFAULT_FORMATS, ENDINGS, read_formats
from freeseg.results.objects import Objects

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.photos import FoundPhoto
    from freeseg.results.run_files import RunFile
    from freeseg.results.segmentation import Segmentation

SPOKEN = {  # what was written
    "overlay": "overlays",
    "mask": "masks",
    "cutout": "cut-outs",
    "labelme": "LabelMe files",
    "yolo": "YOLO labels",
    "labelstudio": "tasks for Label Studio",
    "masks": "masks of each label",
    "cutouts": "cut-outs of each label",
}
NewFile = Path | None


def segment(
    photos: Photos,
    *,
    labels: Labels,
    out: Out = DEFAULT_OUT,
    background: Background = True,
    save: Annotated[
        str, typer.Option("--save", help=f"What to write of each photo, separated by commas: {', '.join(ENDINGS)}.")
    ] = ",".join(DEFAULT_FORMATS),
    table: Annotated[
        NewFile,
        typer.Option(
            "--table",
            help="Also write what was found in all photos to this CSV file: a row for each label of each photo, with "
            "its area and confidence.",
        ),
    ] = None,
    coco: Annotated[
        NewFile,
        typer.Option("--coco", help="Also write what was found in all photos to this file, as one COCO dataset."),
    ] = None,
    cvat: Annotated[
        NewFile,
        typer.Option(
            "--cvat",
            help="Also write the masks of all photos to this zip, which CVAT imports as Segmentation mask 1.1.",
        ),
    ] = None,
    objects: Objects,
    overwrite: Overwrite = False,
    model: ModelOptions,
) -> None:
    """Segment photos by words. Each photo gives an overlay (JPEG), a mask (palette PNG) and a summary (JSON).

    With --save, it gives the files that you name, and only these are made. Files about all photos (--table, --coco,
    --cvat, and data.yaml beside the files of yolo) are written when the run ends, also when it is stopped.

    Where two photos have the same name, one keeps its suffix or gets some digits; the summary tells the photo's path.

    Examples:
        freeseg segment photo.jpg --labels "person, sofa|couch"
        freeseg segment photos --labels voc20 --out results
        freeseg segment photos --labels voc20 --save mask,coco
        freeseg segment photos --labels "cat, dog" --save cutout,labelme --table found.csv
        freeseg segment set/images --labels "cat, dog" --save yolo --out set/labels
        freeseg segment photos --labels "cat, dog" --save mask --coco all.json --instances --polygons
        freeseg segment "photos/**/*.jpg" @names.txt --labels "cat, dog"
        freeseg segment photo.jpg --labels "cat, table" --no-background --model freeseg-lite-iclip
        freeseg segment photos --labels "cat, dog" --model openai/clip-vit-base-patch16  # needs a network
    """
    from freeseg.cli.progress import progress
    from freeseg.errors import OutputError, PhotoError
    from freeseg.files import check_folder, path_for_message, remove_half_written
    from freeseg.mask_values import labels_by_value
    from freeseg.photos import Skipped, given_photos
    from freeseg.results.endings import endings_of
    from freeseg.results.places import choose_stems, named_photo
    from freeseg.results.saving import save_in_background

    formats = read_formats(save)
    vocabulary = read_labels(labels)
    names = labels_by_value(vocabulary.names, background=background)
    endings = endings_of(formats, names)
    skipped = Skipped()
    found = given_photos(photos, sys.stdin.buffer, without=out, skipped=skipped)
    check_folder(out)
    files = _run_files(table, coco, cvat, out if "yolo" in formats else None, names, objects, found)
    photo_paths = {os.path.realpath(photo.path) for photo in found if photo.picture is None}
    for file in files:
        if os.path.realpath(file.path) in photo_paths:
            raise OutputError(f"{path_for_message(file.path)} is one of the photos; name another file")
        file.check(overwrite=overwrite)
    stems = choose_stems([*map(named_photo, found)], out, endings=endings, photos=photo_paths, overwrite=overwrite)
    inputs = {stem: photo.content for stem, photo in zip(stems, found, strict=True) if isinstance(stem, str)}
    network = model.load()
    for folder in {(out / stem).parent for stem in inputs}:
        remove_half_written(folder, recursive=False)
    failed = [str(stem) for stem in stems if isinstance(stem, OutputError)]
    totals: Counter[str] = Counter()
    with ExitStack() as at_the_end, progress("segmenting") as update:
        for file in files:  # also of a run that is stopped
            at_the_end.callback(file.write)
        outcomes = network.stream(inputs.values(), vocabulary, background=background)
        named_outcomes = zip(inputs, outcomes, strict=True)
        written = save_in_background(named_outcomes, out, formats=formats, overwrite=overwrite, objects=objects)
        for count, (stem, outcome) in enumerate(written, start=len(failed) + 1):
            if isinstance(outcome, PhotoError | OutputError):
                failed.append(str(outcome))
            else:
                totals.update(outcome.present)
                for file in files:
                    file.add(outcome, stem)
            update(count, len(found), stem)
    terminal, done = console(), len(found) - len(failed)
    if len(found) == 1 and not failed and not isinstance(outcome, PhotoError | OutputError):
        terminal.print(_one(outcome))
    elif totals:
        terminal.print(_many(totals, done))
    terminal.print(f"{done} of {len(found)} photos segmented; {_listed(formats)} in {out}")
    for file in files:
        terminal.print(f"of all photos: {file.path}")
    for line in (*skipped.lines(), *map(error_text, failed)):
        say(line, err=True)
    if failed:
        raise typer.Exit(1)


def _run_files(
    table: NewFile,
    coco: NewFile,
    cvat: NewFile,
    yolo: NewFile,
    labels: Sequence[str],
    objects: Objects,
    photos: Sequence[FoundPhoto],
) -> list[RunFile]:
    """The files about all photos that were asked for; `yolo` is the folder of label files."""
    from freeseg.results.area_table import TableFile
    from freeseg.results.coco_file import CocoFile
    from freeseg.results.cvat import CvatFile
    from freeseg.results.yolo import YoloClasses

    folders = (photo.path.parents[len(photo.name.parts) - 1] for photo in photos)
    return [
        *([TableFile(table)] if table else []),
        *([CocoFile(coco, labels, objects)] if coco else []),
        *([CvatFile(cvat, labels, objects)] if cvat else []),
        *([YoloClasses(yolo, labels, folders)] if yolo else []),
    ]


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
