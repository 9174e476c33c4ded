"""`freeseg export`: a model as ONNX files that run without PyTorch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.models import megabytes
from freeseg.cli.options import LABELS, Background, ModelOptions, Out, read_labels
from freeseg.cli.output import say


def export(
    *,
    out: Out,
    labels: Annotated[str | None, LABELS] = None,
    background: Background = True,
    words: Annotated[
        str | None,
        typer.Option(help="Words, or a list by its name, whose embeddings are written for a file that takes any."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Write a smaller and faster file in 8 bits as well. Needs --calibrate.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="Folder of photos like those to be segmented, from which the 8-bit file is scaled."),
    ] = None,
    model: Annotated[ModelOptions, Without(("engine", "device", "precision", "short_side", "onnx"))],
) -> None:
    """Write a model as ONNX files, which run without PyTorch.

    With --labels, the file finds these labels. Without, it takes any words, by their embeddings. Every file is compared
    with PyTorch before the command ends.

    Examples:
        freeseg export --labels "cat, dog|puppy, sofa|couch" --out onnx
        freeseg export --words "cat, dog|puppy, sofa|couch" --out onnx
    """
    from freeseg import extras
    from freeseg.errors import FreeSegError

    if int8 and calibrate is None:
        raise FreeSegError("--int8 needs photos like those that will be segmented; add --calibrate FOLDER")
    if calibrate is not None and not int8:
        raise FreeSegError("--calibrate is for a file in 8 bits; add --int8")
    extras.require(*extras.TORCH, "onnx", "onnxscript")
    from freeseg import export as exporting

    vocabulary = None if labels is None else read_labels(labels)
    named = None if words is None else read_labels(words)
    network = replace(model, engine="torch").load()
    done = exporting.export(network, out, vocabulary, background=background, calibrate=calibrate)
    say(
        f"{done.path}: {_size(done.path)}, at most {done.difference:.1e} from PyTorch "
        f"(more than {done.tolerance:.0e} is refused)"
    )
    if done.int8:
        say(f"{done.int8}: {_size(done.int8)}, {done.agreement:.1%} of patches as in PyTorch")
    if named:
        say(f"{exporting.write_words(network, out, named)}: {len(named.aliases)} words")


def _size(path: Path) -> str:
    return megabytes(path.stat().st_size)
