"""`freeseg heatmap`: where a photo answers to each word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import (
    Device,
    Labels,
    Mode,
    Model,
    Onnx,
    Out,
    Precision,
    Revision,
    ShortSide,
    read_labels,
)
from freeseg.models import DEFAULT


def heatmap(
    photo: Annotated[Path, typer.Argument(help="A photo.", show_default=False)],
    labels: Labels,
    out: Out = Path("out"),
    model: Model = DEFAULT,
    device: Device = "cpu",
    revision: Revision = None,
    mode: Mode = None,
    precision: Precision = "float32",
    short_side: ShortSide = None,
    onnx: Onnx = None,
    remove_redundancy: Annotated[
        bool,
        typer.Option("--remove-redundancy", help="Take out of every map what all words share, as CLIP Surgery does."),
    ] = False,
) -> None:
    """Draw the Image-Text Similarity Map of each label over a photo (each map from its own least to its most)."""
    import freeseg
    from freeseg import photos as images
    from freeseg.files import write_picture
    from freeseg.results.heatmap import TILE, similarity_sheet

    vocabulary = read_labels(labels)
    upright = images.read_photo(photo)
    loaded = freeseg.load(
        model,
        device=device,
        revision=revision,
        mode=mode,
        precision=precision,
        short_side=short_side,
        onnx=onnx,
    )
    shrink = min(1.0, TILE / max(upright.size))  # the maps of many labels at a photo's own size are too much
    height, width = (max(1, round(shrink * side)) for side in upright.size[::-1])
    maps = loaded.similarity(upright, vocabulary, remove_redundancy=remove_redundancy, size=(height, width))
    sheet = similarity_sheet(upright, dict(zip(vocabulary.names, maps, strict=True)))
    path = out / f"{photo.stem}.heatmap.jpg"
    write_picture(path, sheet, "JPEG", quality=90)
    typer.echo(f"{len(maps)} heatmaps in {path}")
