"""`freeseg segment-large`: a GeoTIFF or another huge picture and words in; a GeoTIFF of labels and polygons out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.options import (
    DEFAULT_OUT,
    Background,
    Labels,
    ModelOptions,
    Out,
    Overwrite,
    Quiet,
    numbers,
    read_labels,
)
from freeseg.cli.output import say

if TYPE_CHECKING:
    from freeseg.large import LargeResult

Window = Annotated[
    int,
    typer.Option(
        "--window",
        help="Pixels on the side of a window, 64 to 8192, which the model sees as it sees a photo. Smaller windows "
        "find smaller things, and take longer.",
    ),
]
Overlap = Annotated[
    int,
    typer.Option("--overlap", help="Pixels that neighbouring windows share at least, less than half a window."),
]
Bands = Annotated[
    str | None,
    typer.Option(
        "--bands",
        help='Bands to show as red, green and blue, such as "4,3,2", or one to show as grey. [default: those that '
        "the file calls so, or else the first three]",
    ),
]


def segment_large(
    picture: Annotated[
        Path, typer.Argument(help="A GeoTIFF, another TIFF, or a JPEG 2000 file, of any size.", show_default=False)
    ],
    *,
    labels: Labels,
    out: Out = DEFAULT_OUT,
    background: Background = True,
    window: Window = 1024,
    overlap: Overlap = 256,
    bands: Bands = None,
    geojson: Annotated[
        bool,
        typer.Option("--geojson", help="Also write the outlines of all parts, in longitude and latitude, as GeoJSON."),
    ] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    model: ModelOptions,
) -> None:
    """Segment a picture that is too large for memory, window by window. It needs the extra geo.

    The result is a GeoTIFF of labels with the picture's size and place on the earth; 255 is where nothing is known.

    Examples:
        freeseg segment-large field.tif --labels "road, house|building, tree" --out out
        freeseg segment-large field.tif --labels "road, house|building, tree" --geojson
        freeseg segment-large field.tif --labels "water, forest" --bands 3,2,1 --window 512 --overlap 128
    """
    from freeseg import large
    from freeseg.cli.progress import progress
    from freeseg.files import remove_half_written

    settings = large.WindowSettings(window, overlap, numbers(bands, "--bands"))
    vocabulary = read_labels(labels)
    with large.open_picture(picture, settings.bands):  # what is wrong with it is told before a model is loaded
        pass
    loaded = model.load()
    remove_half_written(out, recursive=False)
    with progress("segmenting", quiet=quiet) as update:
        result = large.segment_large(
            loaded,
            picture,
            vocabulary,
            out,
            settings=settings,
            background=background,
            geojson=geojson,
            overwrite=overwrite,
            progress=update,
        )
    if not quiet:
        _report(result)


def _report(result: LargeResult) -> None:
    known = sum(result.pixels) or 1
    for label, pixels in sorted(zip(result.labels, result.pixels, strict=True), key=lambda each: -each[1]):
        if pixels:
            say(f"{label}: {100 * pixels / known:.1f} %")
    bands = ", ".join(map(str, result.bands))
    shown = (
        "as they are" if result.stretch is None else "from black at {:.5g} to white at {:.5g}".format(*result.stretch)
    )
    say(f"{result.windows} windows; band{'s' * (len(result.bands) > 1)} {bands}, shown {shown}")
    say(" and ".join(str(path) for path in (result.mask, result.polygons) if path))
