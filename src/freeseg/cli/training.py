"""What the commands that train share."""

from __future__ import annotations

import math
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.output import say

if TYPE_CHECKING:
    from freeseg.cli.progress import Update
    from freeseg.training.loop import OnStep, StepReport

Name = Annotated[str | None, typer.Option(help="Name of the model. [default: the name of its folder]")]
Cache = Annotated[
    Path, typer.Option(help="Folder for what frozen models see in the photos, which is computed once and kept.")
]
ESTIMATED_AFTER = 5  # steps


def is_first() -> bool:
    """Whether this process reports: it is the only one, or the first of those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


def command_line() -> str:
    """This command as a user types it, for the record in the model's config."""
    return shlex.join(["freeseg", *sys.argv[1:]])


def show_steps(update: Update) -> OnStep:
    """Show each step in a progress bar, and say once, after a few steps, how long the training will take."""
    first: list[tuple[int, float]] = []  # the first step that is reported, and when

    def report(reached: StepReport) -> None:
        if not first:
            first.append((reached.step, time.monotonic()))
        step, started = first[0]
        if reached.step == step + ESTIMATED_AFTER:
            left = reached.steps - reached.step
            minutes = math.ceil(left * (time.monotonic() - started) / ESTIMATED_AFTER / 60)
            say(f"{left:,} steps, about {minutes} minute{'s' if minutes > 1 else ''}", err=True)
        numbers = {**reached.losses, **reached.metrics}
        update(reached.step, reached.steps, ", ".join(f"{name} {value:.3g}" for name, value in numbers.items()))

    return report
