"""Processes that share a training on the CPU, as `torchrun` starts them, and what they train in these tests."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from commands import Done
from freeseg.training.loop import StepReport
from processes import Started


def launch(number: int, function: Callable[..., object], *arguments: object, folder: Path) -> list[Done]:
    """Run a function in so many processes that can find each other, to their end.

    Args:
        number: How many there are.
        function: Importable by name.
        arguments: What it is called with in each.
        folder: Their working directory.
    """
    with ExitStack() as stack:
        started = [
            stack.enter_context(Started(function, *arguments, folder=folder, environment=variables, cores=1))
            for variables in _variables(number)
        ]
        return [process.wait() for process in started]


def launch_command(number: int, *arguments: object, folder: Path) -> list[Done]:
    """`freeseg` with these arguments in so many processes, to their end."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(Started.command(*arguments, folder=folder, environment=variables, cores=1))
            for variables in _variables(number)
        ]
        return [process.wait() for process in started]


def train_network(folder: str, run: str, stop_after: int = 0, **changes: Any) -> None:
    """Train the tiny network of `networks` on photos drawn into a folder; stop after a step, as Ctrl-C does."""
    from networks import RECIPE, tiny_task

    task = tiny_task(Path(folder), replace(RECIPE, **changes))
    task.loop(Path(run)).fit(_stopping(stop_after))


def _stopping(stop_after: int) -> Callable[[StepReport], None]:
    def report(reached: StepReport) -> None:
        if reached.step == stop_after:
            raise SystemExit

    return report


def _variables(number: int) -> list[dict[str, str]]:
    """What a launcher tells each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    everyone = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(number)}
    return [everyone | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(number)]
