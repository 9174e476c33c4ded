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
    from freeseg.photos import reduced
    from freeseg.results.heatmap import TILE, similarity_sheet
    from freeseg.results.marks import picture_options
    from freeseg.results.places import NamedPhoto, choose_stem

    vocabulary = read_labels(labels)
    loaded = model.load()
    seen = loaded.look(photo)
    check_folder(out)
    named, photos = NamedPhoto(photo.name, str(photo)), {os.path.realpath(photo)}
    stem = choose_stem(named, out, endings=[ENDING], photos=photos, overwrite=overwrite)
    remove_half_written(out, recursive=False)
    shrink = min(1.0, TILE / max(seen.size))  # the maps of many labels at a photo's own size are too much
    height, width = (max(1, round(shrink * side)) for side in seen.size[::-1])
    maps = loaded.similarity(seen, vocabulary, remove_redundancy=remove_redundancy, size=(height, width))
    shown = reduced(seen.photo(), max(1, int(1 / (2 * shrink))))
    sheet = similarity_sheet(shown, dict(zip(vocabulary.names, maps, strict=True)))
    path = out / f"{stem}{ENDING}"
    write_picture(path, sheet, "JPEG", quality=90, **picture_options("JPEG", named.mark(out)))
    say(f"{len(maps)} heatmaps in {path}")
