"""`freeseg segment`: photos and words in; overlays, masks and JSON out."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.many import Address, RetryErrors, Where, refuse, segment_many, unusual_model
from freeseg.cli.options import (
    DEFAULT_OUT,
    ENGINE_HELP,
    Background,
    DryRun,
    Labels,
    ModelOptions,
    Out,
    Overwrite,
    PhotoOptions,
    Photos,
    Quiet,
    read_labels,
)
from freeseg.cli.segment_report import Report
from freeseg.engines.choose import EngineName
from freeseg.results.formats import DEFAULT_FORMATS, ENDINGS, read_formats
from freeseg.results.objects import Objects

if TYPE_CHECKING:
    from freeseg.errors import OutputError
    from freeseg.photos import FoundPhoto
    from freeseg.results.done_before import DoneBefore
    from freeseg.results.run_files import RunFile

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
            help="Also write what was found in all photos to this CSV file, or Parquet file (.parquet): a row for each "
            "label of each photo, with its area and confidence.",
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
    which: PhotoOptions,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json_lines: Annotated[
        bool,
        typer.Option(
            "--json-lines",
            help="Say a line of JSON for each photo, as soon as its files are there, and no tables: for programs.",
        ),
    ] = False,
    model: Annotated[ModelOptions, Without(("engine",))],
    engine: Annotated[
        EngineName | Literal["ray"],
        typer.Option(
            "--engine",
            help=f"{ENGINE_HELP} ray segments many photos with Ray, on this machine or a cluster, into Parquet.",
        ),
    ] = "auto",
    address: Address = None,
    retry_errors: RetryErrors = False,
) -> None:
    """Segment photos by words. Each photo gives an overlay (JPEG), a mask (palette PNG) and a summary (JSON).

    With --save, it gives the files that you name, and only these are made. Files about all photos (--table, --coco,
    --cvat, and data.yaml beside the files of yolo) are written when the run ends, also when it is stopped.

    A run that is repeated with the same words and settings does only what is missing; --overwrite does all again. With
    --table, --coco or --cvat, and of videos, everything is done again, since all results are needed.

    With --engine ray, the result is a folder of Parquet files with a row for each photo, and photos may be in tar files
    and stores (s3://) too. docs/guides/many-machines.md explains it.

    Where two photos have the same name, one keeps its suffix or gets some digits; the summary tells the photo's path.

    Examples:
        freeseg segment photo.jpg --labels "person, sofa|couch"
        freeseg segment photos --labels voc20 --out results
        freeseg segment photos --labels voc20 --save mask,coco
        freeseg segment photos --labels "cat, dog" --save cutout,labelme --table found.csv
        freeseg segment set/images --labels "cat, dog" --save yolo --out set/labels
        freeseg segment photos --labels "cat, dog" --save mask --coco all.json --instances --polygons
        freeseg segment photos --labels "cat, dog" --dry-run
        freeseg segment clip.gif --labels "cat, dog" --frames
        freeseg segment clip.mp4 --labels "cat, dog" --every 10
        freeseg segment "photos/**/*.jpg" @names.txt --labels "cat, dog"
        freeseg segment https://example.org/cat.jpg --labels "cat, dog"  # needs a network
        freeseg segment photo.jpg --labels "cat, table" --no-background --model freeseg-lite-iclip
        freeseg segment photos --labels "cat, dog" --model openai/clip-vit-base-patch16  # needs a network
        freeseg segment shards/ --labels voc20 --engine ray --address head:6379 --out parts  # needs a network
    """
    from freeseg import __version__
    from freeseg.cli.progress import progress
    from freeseg.errors import OutputError, PhotoError
    from freeseg.evaluation.measure import model_sha256
    from freeseg.files import check_folder, remove_half_written
    from freeseg.mask_values import labels_by_value
    from freeseg.photos import Skipped
    from freeseg.results.done_before import DoneBefore
    from freeseg.results.endings import endings_of
    from freeseg.results.overlay_video import overlay_videos
    from freeseg.results.places import choose_stems, named_photo
    from freeseg.results.saving import save_in_background

    vocabulary = read_labels(labels)
    if engine == "ray":
        unusual = {
            "--save": save != ",".join(DEFAULT_FORMATS),
            **{"--table": table is not None, "--coco": coco is not None, "--cvat": cvat is not None},
            **{"--instances, --polygons or --min-area": objects != Objects(), "--json-lines": json_lines},
            **{"--frames, --every or --allow-private-addresses": which != PhotoOptions()},
            **{"--overwrite": overwrite, "--dry-run": dry_run},
        }
        refuse(unusual | unusual_model(model), "--engine ray")
        where = Where(on_ray=True, address=address, quiet=quiet, retry_errors=retry_errors)
        segment_many(photos, vocabulary, out, background=background, model=model, where=where)
        return
    refuse({"--address": address is not None, "--retry-errors": retry_errors}, "another engine than ray")
    formats = read_formats(save)
    report = Report(out, formats, quiet=quiet, json_lines=json_lines)
    names = labels_by_value(vocabulary.names, background=background)
    endings = endings_of(formats, names)
    skipped = Skipped()
    found = which.find(photos, without=out, skipped=skipped)
    files = _run_files(table, coco, cvat, out if "yolo" in formats else None, names, objects, found)
    photo_paths = {os.path.realpath(photo.path) for photo in found if photo.is_on_disk}
    _check(files, photo_paths, overwrite)
    if "overlay" in formats:
        files += overlay_videos(found, out, photo_paths=photo_paths, overwrite=overwrite)
    stems = choose_stems([*map(named_photo, found)], out, endings=endings, photos=photo_paths, overwrite=overwrite)
    planned = _planned(found, stems, report)
    if dry_run:
        for stem, photo in planned.items():
            report.planned(photo, stem, endings)
        report.end_of_plan(skipped.lines())
        raise typer.Exit(1 if report.failed else 0)
    check_folder(out)
    network = replace(model, engine=engine).load()
    settings = [__version__, network.config, model_sha256(network), vocabulary, background, objects]
    done = DoneBefore(out, settings, formats)
    if not (overwrite or any(file.holds_results for file in files)):
        planned = _missing(planned, done, report)
    for folder in {(out / stem).parent for stem in planned} | {file.path.parent for file in files}:
        remove_half_written(folder, recursive=False)
    with ExitStack() as at_the_end, progress("segmenting", quiet=quiet) as update:
        for file in files:  # also of a run that is stopped
            at_the_end.callback(file.write)
        inputs = (photo.content for photo in planned.values())
        outcomes = zip(planned, network.stream(inputs, vocabulary, background=background), strict=True)
        for stem, outcome in save_in_background(outcomes, out, formats=formats, overwrite=overwrite, objects=objects):
            if isinstance(outcome, PhotoError | OutputError):
                report.refused(planned[stem], outcome)
            else:
                done.add(planned[stem], stem, outcome.labels)
                report.segmented(planned[stem], stem, outcome)
                for file in files:
                    file.add(outcome, stem)
            update(report.count, len(found), stem)
    report.end(files, skipped.lines())
    if report.failed:
        raise typer.Exit(1)


def _check(files: Sequence[RunFile], photo_paths: Collection[str], overwrite: bool) -> None:
    """Refuse files about all photos that would be written over something else."""
    from freeseg.errors import OutputError
    from freeseg.files import path_for_message

    for file in files:
        if os.path.realpath(file.path) in photo_paths:
            raise OutputError(f"{path_for_message(file.path)} is one of the photos; name another file")
        file.check(overwrite=overwrite)


def _planned(found: Sequence[FoundPhoto], stems: Sequence[str | OutputError], report: Report) -> dict[str, FoundPhoto]:
    """The photos that will be segmented, by the stems of their results; the others are reported."""
    planned: dict[str, FoundPhoto] = {}
    for photo, stem in zip(found, stems, strict=True):
        if isinstance(stem, str):
            planned[stem] = photo
        else:
            report.refused(photo, stem)
    return planned


def _missing(planned: dict[str, FoundPhoto], done: DoneBefore, report: Report) -> dict[str, FoundPhoto]:
    """The photos that an earlier run has not done; the others are reported."""
    missing = {stem: photo for stem, photo in planned.items() if not done.holds(photo, stem)}
    for stem, photo in planned.items():
        if stem not in missing:
            report.done_before(photo, stem)
    return missing


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
