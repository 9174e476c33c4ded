"""Running the command line in a test, and reading how it ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Done(NamedTuple):
    """How a run of the command line ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


def program(*arguments: object) -> Done:
    """The command line as a program of its own."""
    command = [sys.executable, "-m", "freeseg", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})
    return Done(done.returncode, done.stdout, done.stderr)


def one_line(done: Done) -> str:
    """The line with which a mistake is answered: nothing else on stderr, and an exit code that says so."""
    assert done.code != 0
    (line,) = done.err.splitlines()
    assert line.startswith("freeseg: ")
    return line


def written(folder: Path) -> list[str]:
    """All files below a folder, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def results_of(*stems: str) -> list[str]:
    """The files that these photos' results are."""
    return sorted(stem + ending for stem in stems for ending in (".overlay.jpg", ".mask.png", ".json"))
