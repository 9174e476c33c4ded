"""Options that several commands share. Each is declared here once: its names, type, help and default.

`--out` has a default where its files are for people to look at (`freeseg segment`, `freeseg heatmap`). It is required
where another command reads them (masks, models, reports), so that nothing is overwritten by accident.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freeseg.bounds import MOST_SEED
from freeseg.cli.dataclass_options import Choices
from freeseg.engines.choose import EngineName
from freeseg.models import DEFAULT
from freeseg.models.precisions import OTHER_NAMES, EnginePrecision
from freeseg.models.towers import dense_modes

if TYPE_CHECKING:
    from freeseg.photos import FoundPhoto, Skipped
    from freeseg.pipeline import FreeSeg
    from freeseg.words import Vocabulary

DEFAULT_OUT = Path("out")
ENGINE_HELP = (
    "What computes. auto takes onnxruntime where it can run the model, otherwise PyTorch; "
    "freeseg models NAME says which."
)
LABELS = typer.Option(
    "--labels",
    "-l",
    help='Words to look for, separated by commas, semicolons or lines, with synonyms as in "sofa|couch"; or the name '
    "of a list of words, such as voc20 or common; or @FILE, with one label a line (or JSON, CSV, YAML). Everyday words "
    'are looked for by other names too; "sofa|" is looked for by this word alone.',
)

OUT = typer.Option("--out", "-o", help="Folder to write to. It is created if it does not exist.")

Photos = Annotated[
    list[str],
    typer.Argument(
        help='Photos and folders of photos; patterns such as "shots/**/*.jpg"; URLs of photos (http, https); @FILE, a '
        "list with a name on each line; or - for what comes through a pipe: one photo, or a list of names.",
        show_default=False,
    ),
]
Labels = Annotated[str, LABELS]
Out = Annotated[Path, OUT]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Do all photos again, also those that were done before, and write over files that FreeSeg did not write. "
        "The photos themselves are never written over.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what went wrong.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be written, and write nothing.")]
Frames = Annotated[
    bool,
    typer.Option(
        "--frames",
        help="Take each frame of a GIF, WebP, PNG or AVIF file, and each page of a TIFF file, as a photo of its own. "
        "Otherwise the first is taken.",
    ),
]
Every = Annotated[
    int,
    typer.Option(
        "--every", min=1, help="Take each N-th frame only, of videos and of what --frames takes.", metavar="N"
    ),
]
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private-addresses",
        help="Also fetch URLs from addresses that are not public: those of this machine, or of your network.",
    ),
]
Background = Annotated[
    bool,
    typer.Option(
        "--background/--no-background",
        help="Whether pixels that show none of the labels become background. Otherwise every pixel gets a label.",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="Name of a model that ships with FreeSeg, a model's folder, or a CLIP or SigLIP on huggingface.co "
        "(owner/name).",
    ),
]
Revision = Annotated[
    str | None,
    typer.Option("--revision", help="Branch, tag or commit of the model on huggingface.co. [default: the newest]"),
]
Mode = Annotated[
    str | None,
    Choices(dense_modes()),
    typer.Option(
        "--mode", help="How the patches of a CLIP or SigLIP are read. [default: what suits this kind of model best]"
    ),
]
Device = Annotated[str, typer.Option("--device", help="Device to compute on: cpu, cuda, cuda:1, mps, ...")]
Views = Annotated[
    str | None,
    typer.Option(
        "--views",
        help="Short sides at each of which the model looks at a photo, also mirrored, such as 256,352,512. What it "
        "sees is averaged, for better masks in more time. [default: one look]",
        metavar="PIXELS",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MOST_SEED, help="Seed of everything that is drawn at random.")]
Readers = Annotated[
    int,
    typer.Option(
        "--readers",
        min=0,
        max=256,
        help="How many threads read photos in advance; for train, how many processes. 0 reads them when needed.",
    ),
]
Sources = Annotated[
    list[str],
    typer.Argument(
        help="Folders of photos, folders of photos with captions (captions.jsonl and images/), or webdataset tars, "
        'also in a store: "s3://bucket/{000..010}.tar".',
        metavar="SOURCE",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class PhotoOptions:
    """Which photos the arguments of a command stand for."""

    frames: Frames = False
    every: Every = 1
    allow_private: AllowPrivate = False

    def find(self, arguments: Sequence[str], *, without: Path, skipped: Skipped) -> list[FoundPhoto]:
        """What the arguments name, and standard input where they say so; the rest is as for `given_photos`."""
        from freeseg.photos import given_photos

        return given_photos(arguments, sys.stdin.buffer, **vars(self), without=without, skipped=skipped)


@dataclass(frozen=True)
class ModelOptions:
    """Which model is used, and how. `freeseg.load` explains the values."""

    model: Model = DEFAULT
    revision: Revision = None
    mode: Mode = None
    device: Device = "cpu"
    engine: Annotated[
        EngineName,
        typer.Option("--engine", help=ENGINE_HELP),
    ] = "auto"
    precision: Annotated[
        EnginePrecision | None,
        OTHER_NAMES,
        typer.Option(
            "--precision",
            help="Number format of the computation: int8 and float32 in onnxruntime, float32, bfloat16 and float16 in "
            "PyTorch. [default: int8 where the processor has instructions for it, otherwise float32]",
        ),
    ] = None
    short_side: Annotated[
        int | None,
        typer.Option(
            "--short-side",
            help="Pixels on the shorter side at which the model sees a photo. Fewer are faster and coarser. "
            "[default: the model's own]",
        ),
    ] = None
    views: Views = None
    onnx: Annotated[
        Path | None,
        typer.Option(
            "--onnx",
            help="File that freeseg export wrote of this model, without --labels. onnxruntime then runs it.",
        ),
    ] = None

    def load(self) -> FreeSeg:
        """Load the model."""
        import freeseg

        return freeseg.load(**self.for_load())

    def for_load(self) -> dict[str, Any]:
        """What `freeseg.load` is called with."""
        return asdict(self) | {"views": numbers(self.views, "--views")}


def numbers(text: str | None, option: str) -> tuple[int, ...]:
    """The whole numbers, separated by commas, that an option was given; none of no text.

    Raises:
        FreeSegError: Something else is among them.

    Example:
        >>> numbers("4,3,2", "--bands")
        (4, 3, 2)
    """
    from freeseg.errors import FreeSegError, shortened

    try:
        return tuple(int(each) for each in text.split(",")) if text else ()
    except ValueError:
        raise FreeSegError(
            f"{option} takes whole numbers separated by commas, such as 4,3,2, not {shortened(text)}"
        ) from None


def read_labels(text: str) -> Vocabulary:
    """The vocabulary that a user asks for: words, a list by its name, or `@FILE`."""
    from freeseg.words import Vocabulary

    marked = text.strip()
    return Vocabulary.of(Path(marked[1:].strip()) if marked.startswith("@") else text)
