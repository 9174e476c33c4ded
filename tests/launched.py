"""Processes that share a training on the CPU, as `torchrun` starts them, and what they train in these tests."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from commands import Done
from freeseg.errors import FreeSegError
from freeseg.training import processes
from freeseg.training.loop import StepReport
from freeseg.training.teacher.task import TeacherTask
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


def train_network(folder: str, run: str, kill_after: int = 0) -> None:
    """Train the tiny network of `networks` on photos drawn into a folder; kill -9 after a step."""
    from networks import tiny_task

    tiny_task(Path(folder)).loop(Path(run)).fit(_killing(kill_after))


def share_work(folder: str, items: int, bad: int) -> None:
    """Do items with `processes.from_first_helped`, as many at once as there are processes; one of them is refused."""
    with processes.joined(torch.device("cpu")):
        done: list[tuple[int, int]] = []

        def work(item: int) -> tuple[int, int]:
            if item == bad:
                raise FreeSegError(f"{item} is refused; choose another")
            return item, processes.index()

        def compute(spread: Callable[[Sequence[int]], list[tuple[int, int]]]) -> list[tuple[int, int]]:
            for start in range(0, items, processes.count()):
                done.extend(spread(range(start, min(items, start + processes.count()))))
            return done

        found = processes.from_first_helped(compute, work)
        Path(folder, f"{processes.index()}.json").write_text(json.dumps(found))


def train_teacher(run: str, kill_after: int = 0, changes: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Train a tiny ICLIP on what `teachers` has, in a folder ("{rank}" is a process); kill -9 after a step."""
    from teachers import RECIPE, data, words
    from tiny import tiny_iclip

    with processes.joined(torch.device("cpu")):
        task = TeacherTask(tiny_iclip(), data(), words(), replace(RECIPE, **changes))
        task.loop(Path(run.format(rank=processes.index()))).fit(_killing(kill_after))


def write_teacher_gradients(file: str, changes: Mapping[str, Any]) -> None:
    """Write the losses of the first batch of such a training and their gradients; the first process does."""
    from teachers import RECIPE, data, words
    from tiny import tiny_iclip

    with processes.joined(torch.device("cpu")):
        task = TeacherTask(tiny_iclip(), data(), words(), replace(RECIPE, **changes))
        losses = task.losses(next(task.batches(0)), 0)
        task.backward(reduce(torch.add, losses.values()))
        means = processes.mean(list(losses.values()))
        if processes.index() == 0:
            gradients = [parameter.grad for parameter in task.parameters]
            torch.save({"losses": dict(zip(losses, means, strict=True)), "gradients": gradients}, file)


def _killing(kill_after: int) -> Callable[[StepReport], None]:
    def report(reached: StepReport) -> None:
        if reached.step == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    return report


def _variables(number: int) -> list[dict[str, str]]:
    """What a launcher tells each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    everyone = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(number)}
    return [everyone | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(number)]
