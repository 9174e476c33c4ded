"""Photos labelled by several processes at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TypeAlias, cast

import torch

from freeseg.data.free_masks import Entry
from freeseg.errors import FreeSegError, PhotoError
from freeseg.labelling.labeller import Plan, label_photo
from freeseg.labelling.tasks import LabellingTask
from freeseg.pipeline import FreeSeg

MOST_WORKERS = 8  # by default: each takes about 1 GB
# More threads would add in another order: the last bit must depend neither on the machine nor on --workers.
THREADS = 1

Outcome: TypeAlias = Entry | PhotoError
_SPAWN = get_context("spawn")


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers(device: str) -> int:
    """One process per core, as far as memory may go; one on a GPU.

    Example:
        >>> default_workers("cuda")
        1
    """
    return min(cores(), MOST_WORKERS) if device == "cpu" else 1


@contextmanager
def same_arithmetic() -> Iterator[None]:
    """Compute in this process as the others do, to the last bit: with `THREADS` threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def label_here(tasks: Iterator[LabellingTask], plan: Plan, model: FreeSeg) -> Generator[tuple[LabellingTask, Outcome]]:
    """Label photos in this process, in order. A photo that cannot be read comes out as its error."""
    for task in tasks:
        try:
            yield task, label_photo(task, plan, model)
        except PhotoError as error:
            yield task, error


def label_elsewhere(
    tasks: Iterator[LabellingTask], plan: Plan, workers: int
) -> Generator[tuple[LabellingTask, Outcome]]:
    """Label photos in other processes, in the order in which they get done.

    A process has one photo at a time, so that memory does not grow with their number.

    Raises:
        FreeSegError: What went wrong in a process, or that it died.
    """
    upcoming = next(tasks, None)
    with _processes(plan, workers if upcoming else 0) as idle:
        busy: dict[Connection, tuple[Process, LabellingTask]] = {}
        while upcoming or busy:
            while upcoming and idle:
                process = idle.pop()
                process.send(upcoming)
                busy[process.connection] = process, upcoming
                upcoming = next(tasks, None)  # read while the processes work
            for ready in wait(list(busy)):
                process, task = busy.pop(cast(Connection, ready))
                idle.append(process)
                yield task, process.receive()


class Process:
    """A process that labels photos. It ends when the other end of its connection does, whatever ended that.

    Args:
        plan: How photos are labelled.
    """

    def __init__(self, plan: Plan) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, plan), daemon=True)
        with _no_interrupt():
            self._process.start()
        theirs.close()

    def send(self, task: LabellingTask) -> None:
        """Give it a photo."""
        with self._alive():
            self.connection.send(task)

    def receive(self) -> Outcome:
        """Wait for what became of its photo."""
        with self._alive():
            outcome = self.connection.recv()
        if isinstance(outcome, FreeSegError) and not isinstance(outcome, PhotoError):
            raise outcome
        return cast(Outcome, outcome)

    def stop(self) -> None:
        """Have it end its photo, if it has one, and wait for that."""
        self.connection.close()
        self._process.join()

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            self._process.join()
            code = self._process.exitcode
            advice = "if memory ran out, use fewer --workers"
            raise FreeSegError(f"a process that labels photos died (exit code {code}); {advice}") from error


@contextmanager
def _processes(plan: Plan, workers: int) -> Iterator[list[Process]]:
    processes: list[Process] = []
    try:
        for _ in range(workers):
            processes.append(Process(plan))  # noqa: PERF401  # those begun must be stopped
        yield list(processes)
    finally:
        for process in processes:
            process.stop()


def _serve(connection: Connection, plan: Plan) -> None:
    """Label photos until nobody asks for more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(THREADS)
    load = cache(plan.load)
    with suppress(EOFError, ConnectionError):  # the other end is closed
        while True:
            connection.send(_outcome(connection.recv(), plan, load))


def _outcome(task: LabellingTask, plan: Plan, load: Callable[[], FreeSeg]) -> Entry | FreeSegError:
    try:
        return label_photo(task, plan, load())
    except FreeSegError as error:
        return error


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """A process begun in here does not hear Ctrl-C until it ignores it by itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker  # not on every system

    resource_tracker.ensure_running()  # or the first process to begin would start it, which lets Ctrl-C in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
