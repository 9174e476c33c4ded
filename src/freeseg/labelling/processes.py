"""Labelling photos in this process, or in several at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import TypeAlias, cast

from freeseg.data.free_masks import Entry
from freeseg.errors import FreeSegError, FullDiskError, OutputError, PhotoError
from freeseg.labelling.photo import LabellingOptions, label_photo
from freeseg.labelling.tasks import LabellingTask
from freeseg.models import hub
from freeseg.pipeline import FreeSeg
from freeseg.system import available_cores, children_without_interrupt

MAX_DEFAULT_WORKERS = 8  # each takes about 1 GB

Outcome: TypeAlias = Entry | PhotoError | OutputError
_SPAWN = get_context("spawn")


def default_workers(device: str) -> int:
    """How many processes label where nothing else is asked for: one for each core, up to 8, or one on a GPU.

    Example:
        >>> default_workers("cuda")
        1
    """
    return min(available_cores(), MAX_DEFAULT_WORKERS) if device == "cpu" else 1


def label_in_this_process(
    tasks: Iterator[LabellingTask], options: LabellingOptions, model: FreeSeg
) -> Generator[tuple[LabellingTask, Outcome]]:
    """Label photos in this process, in order.

    Yields:
        Each task with its entry, or with the error of a photo that cannot be read or whose files cannot be written.

    Raises:
        FullDiskError: The disk is full.
        FreeSegError: As of `label_photo`, unless it is of the photo alone.
    """
    for task in tasks:
        yield task, outcome_of(task, options, model)


def outcome_of(task: LabellingTask, options: LabellingOptions, model: FreeSeg) -> Outcome:
    """Label a photo.

    Returns:
        Its entry, or the error of a photo that cannot be read or whose files cannot be written.

    Raises:
        FullDiskError: The disk is full.
        FreeSegError: As of `label_photo`, unless it is of the photo alone.
    """
    try:
        return label_photo(task, options, model)
    except (PhotoError, OutputError) as error:
        if isinstance(error, FullDiskError):
            raise
        return error


def label_in_processes(
    tasks: Iterator[LabellingTask], options: LabellingOptions, *, workers: int
) -> Generator[tuple[LabellingTask, Outcome]]:
    """Label photos in other processes.

    A process has one photo at a time, so that memory does not grow with their number. Where one dies, because memory
    ran out for example, another takes its photo, once in a run.

    Yields:
        What `label_in_this_process` yields, in the order in which the photos are done.

    Raises:
        FreeSegError: As of `label_in_this_process`, or a second process died.
    """
    upcoming = next(tasks, None)
    with _processes(options, workers if upcoming else 0) as (idle, replacement):
        busy: dict[Connection, tuple[Process, LabellingTask]] = {}
        while upcoming or busy:
            while upcoming and idle:
                process = idle.pop()
                try:
                    process.send(upcoming)
                except DeadProcessError as error:
                    process = replacement(error)
                    process.send(upcoming)
                busy[process.connection] = process, upcoming
                upcoming = next(tasks, None)  # read while the processes work
            for ready in wait(list(busy)):
                process, task = busy.pop(cast(Connection, ready))
                try:
                    outcome = process.receive()
                except DeadProcessError as error:
                    process = replacement(error)
                    process.send(task)
                    busy[process.connection] = process, task
                    continue
                idle.append(process)
                yield task, outcome


class DeadProcessError(FreeSegError):
    """A process that labels photos has ended, and nobody asked it to."""


class Process:
    """A process that labels photos.

    It ends when this end of its connection is closed, even if that is by the end of this process.

    Args:
        options: How photos are labelled.
    """

    def __init__(self, options: LabellingOptions) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, options, hub.named_by_user()), daemon=True)
        with children_without_interrupt():
            self._process.start()
        theirs.close()

    def send(self, task: LabellingTask) -> None:
        """Give it a photo to label."""
        with self._alive():
            self.connection.send(task)

    def receive(self) -> Outcome:
        """Wait until the photo is done.

        Raises:
            FreeSegError: As of `label_in_this_process`, or the process died.
        """
        with self._alive():
            outcome = self.connection.recv()
        of_the_photo = isinstance(outcome, PhotoError | OutputError) and not isinstance(outcome, FullDiskError)
        if isinstance(outcome, FreeSegError) and not of_the_photo:
            raise outcome
        return cast(Outcome, outcome)

    def stop(self) -> None:
        """Wait until it has finished its photo, if it has one, and has ended."""
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
            raise DeadProcessError(f"a process that labels photos died (exit code {code}); {advice}") from error


@contextmanager
def _processes(
    options: LabellingOptions, workers: int
) -> Iterator[tuple[list[Process], Callable[[DeadProcessError], Process]]]:
    """Processes that label, and what starts another one for the first that dies; all are stopped at the end."""
    processes: list[Process] = []

    def replacement(error: DeadProcessError) -> Process:
        if len(processes) > workers:
            raise error
        processes.append(Process(options))
        return processes[-1]

    try:
        for _ in range(workers):
            processes.append(Process(options))  # noqa: PERF401  # those that were started must be stopped
        yield list(processes), replacement
    finally:
        for process in processes:  # all of them first: one that was started later may hold another's connection
            process.connection.close()
        for process in processes:
            process.stop()


def _serve(connection: Connection, options: LabellingOptions, named: Collection[str]) -> None:
    """Label the photos that come through the connection until it is closed.

    Ctrl-C is left to the process at the other end. SIGTERM ends this one once it has finished its photo.

    Args:
        connection: To the process that started this one.
        options: How photos are labelled.
        named: The models that the user has named there.
    """
    for name in named:
        hub.name_by_user(name)
    busy, terminated = False, False

    def terminate(number: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        if not busy:
            raise SystemExit

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, terminate)
    load = cache(options.load)
    with suppress(EOFError, ConnectionError):  # the other end is closed
        while not terminated:
            busy, task = False, connection.recv()
            busy = True
            connection.send(_outcome(task, options, load))


def _outcome(task: LabellingTask, options: LabellingOptions, load: Callable[[], FreeSeg]) -> Entry | FreeSegError:
    try:
        return label_photo(task, options, load())
    except FreeSegError as error:
        return error
