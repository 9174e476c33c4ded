"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from freeseg.words import Vocabulary

Labels = Annotated[
    str,
    typer.Option(
        "--labels",
        "-l",
        help='Words, separated by commas, semicolons or lines; "sofa|couch" gives aliases. Or @FILE with one label a '
        "line (or JSON, CSV). Or the name of a list: voc20, common.",
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to write to; made if it is not there.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="An embedded model's name, a model folder, or a CLIP of huggingface.co.")
]
Revision = Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit on huggingface.co.")]
Mode = Annotated[
    str | None,
    typer.Option("--mode", help="Dense mode of a CLIP or SigLIP: raw, maskclip, surgery, sclip, clearclip or naclip."),
]
Precision = Annotated[str, typer.Option("--precision", help="Of the towers: float32, bfloat16 or float16.")]
ShortSide = Annotated[
    int | None,
    typer.Option("--short-side", help="Pixels at which the model sees a photo's shorter side: fewer are faster."),
]
Onnx = Annotated[
    Path | None,
    typer.Option("--onnx", help="A file of the model, from freeseg export without --labels: onnxruntime runs it."),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, mps, ...")]


def read_labels(text: str) -> Vocabulary:
    """The vocabulary a user asks for: a list's name, `@FILE`, or words."""
    from freeseg.words import Vocabulary

    marked = text.strip()
    return Vocabulary.of(Path(marked[1:].strip()) if marked.startswith("@") else text)
