"""The command line: `freeseg COMMAND`. One file per command; heavy imports happen inside the commands."""

from __future__ import annotations

import sys

import typer

from freeseg.cli.evaluate import evaluate
from freeseg.cli.heatmap import heatmap
from freeseg.cli.models import models
from freeseg.cli.pretrain import pretrain
from freeseg.cli.segment import segment
from freeseg.errors import FreeSegError

app = typer.Typer(
    help="Segment photos by words. No masks were used in the making of this model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (segment, heatmap, models, pretrain, evaluate):
    app.command()(command)


def main() -> None:
    """Run the command line. A user's mistake becomes one line on stderr and exit code 1."""
    try:
        app()
    except FreeSegError as error:
        sys.exit(f"freeseg: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit("freeseg: stopped; what was finished is kept")
