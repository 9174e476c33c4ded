"""`freeseg push`: put a model of one's own on huggingface.co."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.models import megabytes
from freeseg.cli.options import DryRun
from freeseg.cli.output import say


def push(
    folder: Annotated[
        Path, typer.Argument(help="Folder that freeseg pretrain or freeseg train wrote.", show_default=False)
    ],
    name: Annotated[str, typer.Argument(help="What to call it on huggingface.co (owner/name).", show_default=False)],
    *,
    private: Annotated[bool, typer.Option("--private", help="Let nobody else see it, if it is new.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Put a model on huggingface.co, with its model card. Others then use it with --model OWNER/NAME.

    You need an account there, and a token that may write (hf auth login).

    Examples:
        freeseg push mine somebody/mine --dry-run
        freeseg push mine somebody/mine --private  # needs a network
    """
    from freeseg import extras

    extras.require(*extras.TORCH, what="putting a model on huggingface.co")
    from freeseg.models import hub

    planned = hub.plan_push(folder, name) if dry_run else hub.push(folder, name, private=private)
    files = ", ".join(f"{each} ({megabytes(size)})" for each, size in planned.files.items())
    say(f"{files} {'would be' if dry_run else 'are'} at {planned.page}")
