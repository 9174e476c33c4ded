"""`freeseg fetch`: download a model of huggingface.co into the cache of its own library."""

from __future__ import annotations

from typing import Annotated

import typer

from freeseg.cli.models import megabytes, print_files
from freeseg.cli.options import DryRun, Revision
from freeseg.cli.output import say


def fetch(
    name: Annotated[str, typer.Argument(help="Name of a model on huggingface.co (owner/name).", show_default=False)],
    *,
    revision: Revision = None,
    dry_run: DryRun = False,
) -> None:
    """Show the files, sizes and licence of a model on huggingface.co, and download it.

    Afterwards, the model can be used without a network.

    Examples:
        freeseg fetch openai/clip-vit-base-patch16 --dry-run  # needs a network
        freeseg fetch openai/clip-vit-base-patch16  # needs a network
    """
    from freeseg.errors import WeightsError
    from freeseg.models import EMBEDDED, hub

    if name in EMBEDDED:
        raise WeightsError(f"{name} ships with FreeSeg: there is nothing to fetch; use it with --model {name}")
    model = hub.describe(name, revision=revision)
    print_files(model)
    if model.whole or dry_run:
        say("nothing to fetch" if model.whole else f"{megabytes(model.missing)} to fetch; nothing was")
        return
    folder = hub.download(model)
    chosen = f" --revision {revision}" if revision else ""
    say(f"{name} is in {folder}; use it with --model {name}{chosen}")
