"""What all pages of measurements share: their first lines, and writing them to a file or the terminal."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from benchmarks import machine
from freeseg.files import write_text

BUSY = 0.05  # share of the processors that others may take


def head(title: str, module: str, clock: machine.Clock, packages: str = "") -> list[str]:
    """A page's first lines: what it is, the command that wrote it, and on what machine.

    Args:
        title: Of the page.
        module: What `python -m` was given.
        clock: Read when the measurements began.
        packages: Versions to be named besides the usual ones.
    """
    others = clock.taken_by_others()
    warning = " **The machine was busy: do not use these times.**" if others > BUSY else ""
    return [
        f"# {title}",
        "",
        "Written by the command below; not edited by hand.",
        "",
        "```sh",
        shlex.join(["python", "-m", module, *map(_without_folders, sys.argv[1:])]),
        "```",
        "",
        f"On: {machine.describe()}{packages and ', ' + packages}. Other processes took {others:.0%} of the processors "
        f"meanwhile.{warning}",
    ]


def deliver(text: str, out: Path | None) -> None:
    """Write a page, or print it."""
    if out:
        write_text(out, text)
    else:
        print(text, end="")


def _without_folders(argument: str) -> str:
    """Absolute paths are shortened to their last part: folders of this machine do not belong on a public page."""
    return Path(argument).name if Path(argument).is_absolute() else argument
