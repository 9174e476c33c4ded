"""Progress on the terminal: what is done, how fast, how long it still takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from freeseg.cli.output import console, plain


class Update(Protocol):
    """Moves the bar."""

    def __call__(self, done: int, total: int | None, remark: str = "") -> None:
        """Show that so many of all are done, of a number that may not be known, and a remark beside the bar."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Update]:
    """A progress bar on stderr with rate and time left; silent where stderr is not a terminal, or where it is asked."""
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),  # "[" may be part of a file's name
    )
    terminal = console(stderr=True)
    with Progress(*columns, console=terminal, refresh_per_second=4, disable=quiet or not terminal.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def update(done: int, total: int | None, remark: str = "") -> None:
            bar.update(task, completed=done, total=total, description=plain(remark))

        yield update
