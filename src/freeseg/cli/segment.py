"""`freeseg segment`: photos and words in; overlays, masks and JSON out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from rich.table import Table

    from freeseg.results.segmentation import Segmentation


def segment(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", show_default=False)],
    labels: Labels,
    out: Out = Path("out"),
    background: Annotated[bool, typer.Option(help="Whether a pixel may be none of the labels.")] = True,
    model: Model = DEFAULT,
    device: Device = "cpu",
    revision: Revision = None,
    mode: Mode = None,
    precision: Precision = "float32",
    short_side: ShortSide = None,
    onnx: Onnx = None,
) -> None:
    """Segment photos by words: an overlay, a palette PNG and a JSON for each photo."""
    from rich.console import Console

    import freeseg
    from freeseg.cli.progress import progress
    from freeseg.errors import PhotoError
    from freeseg.files import remove_half_written
    from freeseg.photos import find_photos
    from freeseg.results.saving import save_in_background
    from freeseg.results.stems import stems_of

    vocabulary = read_labels(labels)
    found = find_photos(photos, without=out)
    network = freeseg.load(
        model,
        device=device,
        revision=revision,
        mode=mode,
        precision=precision,
        short_side=short_side,
        onnx=onnx,
    )
    remove_half_written(out, recursive=True)
    failed: list[str] = []
    totals: Counter[str] = Counter()
    with progress("segmenting") as update:
        outcomes = network.stream((photo.path for photo in found), vocabulary, background=background)
        named = zip(stems_of([photo.name for photo in found]), outcomes, strict=True)
        for done, (stem, outcome) in enumerate(save_in_background(named, out), start=1):
            if isinstance(outcome, PhotoError):
                failed.append(str(outcome))
            else:
                totals.update(outcome.present)
            update(done, len(found), stem)
    console = Console(markup=False, emoji=False)  # labels and names are shown as they are
    if len(found) == 1 and not failed and not isinstance(outcome, PhotoError):
        console.print(_one(outcome))
    elif totals:
        console.print(_many(totals, len(found) - len(failed)))
    console.print(f"{len(found) - len(failed)} of {len(found)} photos segmented; overlays, masks and JSON in {out}")
    if failed:
        for reason in failed:
            typer.echo(f"freeseg: {reason}", err=True)
        raise typer.Exit(1)


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
