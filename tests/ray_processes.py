"""The processes that Ray started for a program, so that a test can kill one, or see that none is left. Linux only."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def workers(driver: int) -> list[int]:
    """The processes that do the tasks of a driver whose cluster is its own."""
    parents, names = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (path / "stat").read_text()
            parents[int(path.name)] = int(stat.rpartition(")")[2].split()[1])
            names[int(path.name)] = (path / "cmdline").read_bytes()
    return [
        process
        for process, name in names.items()
        if name.startswith((b"ray::freeseg", b"ray::IDLE")) and parents.get(parents[process]) == driver
    ]
