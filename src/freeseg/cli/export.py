"""`freeseg export`: a model as ONNX files that run without PyTorch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.models import megabytes
from freeseg.cli.options import LABELS, OUT, Background, ModelOptions, read_labels
from freeseg.cli.output import say
from freeseg.cli.training import command_line

if TYPE_CHECKING:
    from freeseg.export import ExportedLight


def export(
    *,
    out: Annotated[Path | None, OUT] = None,
    labels: Annotated[str | None, LABELS] = None,
    background: Background = True,
    words: Annotated[
        str | None,
        typer.Option(help="Words, or a list by its name, whose embeddings are written for a file that takes any."),
    ] = None,
    light: Annotated[
        bool,
        typer.Option(
            "--light",
            help="Write the files with which FreeSeg itself runs the model without PyTorch: into the model's folder, "
            "or with --out into a copy of it.",
        ),
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Write a smaller and faster file in 8 bits as well. Needs --calibrate.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="Folder of photos like those to be segmented, from which the 8-bit file is scaled."),
    ] = None,
    model: Annotated[ModelOptions, Without(("engine", "device", "precision", "short_side", "views", "onnx"))],
) -> None:
    """Write a model as ONNX files, which run without PyTorch.

    With --labels, the file finds these labels. Without, it takes any words, by their embeddings. Every file is compared
    with PyTorch before the command ends.

    Examples:
        freeseg export --labels "cat, dog|puppy, sofa|couch" --out onnx
        freeseg export --words "cat, dog|puppy, sofa|couch" --out onnx
        freeseg export --light --out light
    """
    from freeseg import extras
    from freeseg.errors import FreeSegError

    if light and (labels is not None or words is not None or not background):
        raise FreeSegError("--light is for any words; leave --labels, --words and --no-background out")
    if out is None and not light:
        raise FreeSegError("an export needs a folder to write to; add --out FOLDER")

    if int8 and calibrate is None:
        raise FreeSegError("--int8 needs photos like those that will be segmented; add --calibrate FOLDER")
    if calibrate is not None and not int8:
        raise FreeSegError("--calibrate is for a file in 8 bits; add --int8")
    extras.require(*extras.TORCH, "onnx", "onnxscript")
    if light:
        _light(model, out, calibrate)
    elif out is not None:
        _single(model, out, labels, words, background=background, calibrate=calibrate)


def _light(model: ModelOptions, out: Path | None, calibrate: Path | None) -> None:
    from freeseg.errors import FreeSegError
    from freeseg.export import write_light_files
    from freeseg.models import find_model

    folder = find_model(model.model, revision=model.revision)
    if out is None and folder != Path(model.model):
        raise FreeSegError(f"{model.model} is no folder of yours; add --out FOLDER for a copy with the files")
    network = replace(model, engine="torch").load()
    done = write_light_files(network, folder, out, calibrate=calibrate, command=command_line())
    for name in done.files:
        say(f"{done.folder / name}: {_size(done.folder / name)}{_measured(done, name)}")


def _measured(done: ExportedLight, name: str) -> str:
    """What is said of a light file behind its size."""
    from freeseg.models.onnx_files import IMAGE, IMAGE_INT8

    if name == IMAGE:
        return f", at most {done.difference:.1e} from PyTorch (more than {done.tolerance:.0e} is refused)"
    return f", {done.agreement:.1%} of patches as in PyTorch" if name == IMAGE_INT8 else ""


def _single(
    model: ModelOptions, out: Path, labels: str | None, words: str | None, *, background: bool, calibrate: Path | None
) -> None:
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
