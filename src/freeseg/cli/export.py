"""`freeseg export`: a model as ONNX files that run without PyTorch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.models import megabytes
from freeseg.cli.options import Mode, Model, Out, Revision, read_labels
from freeseg.models import DEFAULT

FORMATS = ("onnx",)
PACKAGES = ("onnx", "onnxruntime", "onnxscript")  # what only exporting needs


def export(
    out: Out,
    labels: Annotated[
        str | None,
        typer.Option("--labels", "-l", help="Words or a list, as for segment. Without: a file for any words."),
    ] = None,
    background: Annotated[bool, typer.Option(help="Whether a pixel may be none of the labels.")] = True,
    words: Annotated[
        str | None, typer.Option(help="Words or a list: write their embeddings, for a file for any words.")
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Write a file in 8 bits as well; needs --calibrate.")] = False,
    calibrate: Annotated[
        Path | None, typer.Option(help="Folder of photos like those to segment, to find the ranges of 8 bits.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="onnx.")] = FORMATS[0],
    model: Model = DEFAULT,
    revision: Revision = None,
    mode: Mode = None,
) -> None:
    """Write a model as ONNX files that run without PyTorch, after comparing them with PyTorch."""
    import freeseg
    from freeseg.errors import FreeSegError

    if format_ not in FORMATS:
        raise FreeSegError(f"no format is called {format_!r}; there are: {', '.join(FORMATS)}")
    if int8 and calibrate is None:
        raise FreeSegError("--int8 needs photos like those that will be segmented; add --calibrate FOLDER")
    if calibrate is not None and not int8:
        raise FreeSegError("--calibrate is for a file in 8 bits; add --int8")
    if missing := [package for package in PACKAGES if find_spec(package) is None]:
        raise FreeSegError(f'exporting needs {missing[0]}; run: pip install "freeseg[export]"')
    from freeseg import export as exporting

    vocabulary = None if labels is None else read_labels(labels)
    named = None if words is None else read_labels(words)
    network = freeseg.load(model, revision=revision, mode=mode)
    done = exporting.export(network, out, vocabulary, background=background, calibrate=calibrate)
    typer.echo(
        f"{done.path}: {_size(done.path)}, at most {done.difference:.1e} from PyTorch "
        f"(more than {done.tolerance:.0e} is refused)"
    )
    if done.int8:
        typer.echo(f"{done.int8}: {_size(done.int8)}, {done.agreement:.1%} of patches as in PyTorch")
    if named:
        typer.echo(f"{exporting.write_words(network, out, named)}: {len(named.aliases)} words")


def _size(path: Path) -> str:
    return megabytes(path.stat().st_size)
