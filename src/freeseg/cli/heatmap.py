"""`freeseg heatmap`: where a photo answers to each word."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import DEFAULT_OUT, Labels, ModelOptions, Out, Overwrite, read_labels
from freeseg.cli.output import say

ENDING = ".heatmap.jpg"


def heatmap(
    photo: Annotated[Path, typer.Argument(help="A photo.", show_default=False)],
    *,
    labels: Labels,
    out: Out = DEFAULT_OUT,
    overwrite: Overwrite = False,
    model: ModelOptions,
    remove_redundancy: Annotated[
        bool,
        typer.Option(
            "--remove-redundancy",
            help="Remove from every map what the maps of all words have in common, as CLIP Surgery does.",
        ),
    ] = False,
) -> None:
    """Draw how well each part of a photo answers to each label. Each map has a colour scale of its own.

    Examples:
        freeseg heatmap photo.jpg --labels "person, flag"
        freeseg heatmap photo.jpg --labels "person, flag" --remove-redundancy --out maps
    """
    from freeseg.files import check_folder, remove_half_written, write_picture
    from freeseg.photos import is_large, reduced
    from freeseg.photos.large_jpegs import LatePhoto
    from freeseg.results.heatmap import TILE, similarity_sheet
    from freeseg.results.marks import picture_options
    from freeseg.results.places import NamedPhoto, choose_stem

    vocabulary = read_labels(labels)
    loaded = model.load()
    upright = loaded.prepare(photo).photo
    check_folder(out)
    named, photos = NamedPhoto(photo.name, str(photo)), {os.path.realpath(photo)}
    stem = choose_stem(named, out, endings=[ENDING], photos=photos, overwrite=overwrite)
    remove_half_written(out, recursive=False)
    shrink = min(1.0, TILE / max(upright.size))  # the maps of many labels at a photo's own size are too much
    height, width = (max(1, round(shrink * side)) for side in upright.size[::-1])
    shown = reduced(upright, max(1, int(shrink**-1 / 2)))
    # A large photo is read again, at a reduced scale where its format has one, rather than held and copied.
    given = photo if is_large(upright.size) or isinstance(upright, LatePhoto) else upright
    del upright
    maps = loaded.similarity(given, vocabulary, remove_redundancy=remove_redundancy, size=(height, width))
    sheet = similarity_sheet(shown, dict(zip(vocabulary.names, maps, strict=True)))
    path = out / f"{stem}{ENDING}"
    write_picture(path, sheet, "JPEG", quality=90, **picture_options("JPEG", named.mark(out)))
    say(f"{len(maps)} heatmaps in {path}")
