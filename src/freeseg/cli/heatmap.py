"""`freeseg heatmap`: where photos answer to each word."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli import options
from freeseg.cli.output import error_text, say

if TYPE_CHECKING:
    from PIL import Image

    from freeseg.photos import FoundPhoto
    from freeseg.pipeline import FreeSeg
    from freeseg.words import Vocabulary

ENDING = ".heatmap.jpg"


def heatmap(
    photos: options.Photos,
    *,
    labels: options.Labels,
    out: options.Out = options.DEFAULT_OUT,
    which: options.PhotoOptions,
    overwrite: options.Overwrite = False,
    model: options.ModelOptions,
    remove_redundancy: Annotated[
        bool,
        typer.Option(
            "--remove-redundancy",
            help="Remove from every map what the maps of all words have in common, as CLIP Surgery does.",
        ),
    ] = False,
) -> None:
    """Draw how well each part of a photo answers to each label. Each map has a colour scale of its own.

    Each photo gives one picture (JPEG) with the maps of all labels.

    Examples:
        freeseg heatmap photo.jpg --labels "person, flag"
        freeseg heatmap photo.jpg --labels "person, flag" --remove-redundancy --out maps
        freeseg heatmap holiday --labels "sea, sand|beach" --out maps
    """
    from freeseg.cli.progress import progress
    from freeseg.errors import OutputError, PhotoError
    from freeseg.files import check_folder, remove_half_written, write_picture
    from freeseg.photos import Skipped
    from freeseg.results.marks import picture_options
    from freeseg.results.places import choose_stems, named_photo

    vocabulary, skipped = options.read_labels(labels), Skipped()
    found = which.find(photos, without=out, skipped=skipped)
    check_folder(out)
    named = [*map(named_photo, found)]
    photo_paths = {os.path.realpath(photo.path) for photo in found if photo.is_on_disk}
    stems = choose_stems(named, out, endings=[ENDING], photos=photo_paths, overwrite=overwrite)
    loaded = model.load()
    for folder in {(out / stem).parent for stem in stems if isinstance(stem, str)}:
        remove_half_written(folder, recursive=False)
    failed, path = list[str](), out
    with progress("drawing heat maps") as update:
        for count, (photo, name, stem) in enumerate(zip(found, named, stems, strict=True), start=1):
            try:
                if isinstance(stem, OutputError):
                    raise stem
                path = out / f"{stem}{ENDING}"
                sheet = _sheet(loaded, photo, vocabulary, remove_redundancy)
                jpeg = picture_options("JPEG", name.mark(path.parent))
                write_picture(path, sheet, "JPEG", quality=90, **jpeg)
            except (PhotoError, OutputError) as error:
                failed.append(str(error))
            update(count, len(found), photo.name.as_posix())
    done = len(found) - len(failed)
    if len(found) > 1:
        say(f"heat maps of {done} of {len(found)} photos in {out}")
    elif done:
        say(f"{len(vocabulary.names)} heatmaps in {path}")
    for line in (*skipped.lines(), *map(error_text, failed)):
        say(line, err=True)
    if failed:
        raise typer.Exit(1)


def _sheet(model: FreeSeg, photo: FoundPhoto, vocabulary: Vocabulary, remove_redundancy: bool) -> Image.Image:
    """The maps of all labels, drawn over a photo."""
    from freeseg.photos import reduced
    from freeseg.results.heatmap import TILE, similarity_sheet

    seen = model.look(photo.content)
    shrink = min(1.0, TILE / max(seen.size))  # the maps of many labels at a photo's own size are too much
    height, width = (max(1, round(shrink * side)) for side in seen.size[::-1])
    maps = model.similarity(seen, vocabulary, remove_redundancy=remove_redundancy, size=(height, width))
    shown = reduced(seen.photo(), max(1, int(1 / (2 * shrink))))
    return similarity_sheet(shown, dict(zip(vocabulary.names, maps, strict=True)))
