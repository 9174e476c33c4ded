"""Processes of their own for tests, without the seconds that an interpreter needs to import PyTorch.

They are forked from a server that has imported everything already. What a test asks of them is what it would ask of
`python -m freeseg`: they can be killed at any moment, have an exit code, and say what they say.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import freeseg
from commands import Done
from freeseg.prefetch import end_with_parent

SERVER = multiprocessing.get_context("forkserver")
FOREVER = 300  # seconds; a machine may be busy with other things
_modules = [module.name for module in pkgutil.walk_packages(freeseg.__path__, "freeseg.")]
# transformers imports a model's code when it is first asked for, which takes two seconds.
_modules += ["transformers.models.clip.modeling_clip", "transformers.models.dinov2.modeling_dinov2"]
SERVER.set_forkserver_preload([name for name in _modules if name != "freeseg.__main__"])


class Started:
    """A function that runs in a process of its own; `Started.command` runs the command line there.

    Args:
        function: Importable by name.
        arguments: What it is called with.
        folder: The process's working directory.
        environment: Variables that it has beside those of this process.
        session: Whether it leads a session of its own, as in a terminal of its own.
        cores: How many cores it may use; None for all.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *arguments: object,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        session: bool = False,
        cores: int | None = None,
    ):
        self._output = Path(tempfile.mkdtemp(prefix="freeseg-process-"))
        weakref.finalize(self, shutil.rmtree, self._output, ignore_errors=True)
        for name in ("stdout", "stderr"):  # it may end before it opens them
            (self._output / name).touch()
        variables = {**os.environ, "COLUMNS": "120", **(environment or {})}
        given = (function, arguments, folder or Path.cwd(), variables, session, cores, self._output)
        self._process = SERVER.Process(target=_call, args=given)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @classmethod
    def command(
        cls,
        *arguments: object,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        session: bool = False,
        cores: int | None = None,
    ) -> Started:
        """`freeseg` with these arguments."""
        words = [str(argument) for argument in arguments]
        return cls(_freeseg, words, folder=folder, environment=environment, session=session, cores=cores)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    @property
    def said(self) -> str:
        """What it has written to standard output so far."""
        return (self._output / "stdout").read_text()

    def wait_until(self, condition: Callable[[], bool], every: float = 0.002) -> None:
        """Return as soon as the condition holds or the process has ended."""
        while self.running and not condition():
            time.sleep(every)

    def kill(self) -> bool:
        """End it between any two instructions; gives whether it was still running."""
        self._process.kill()
        self._process.join()
        return self._process.exitcode == -signal.SIGKILL

    def helpers(self) -> list[int]:
        """The processes that work for it, where it leads a session of its own."""
        listed = subprocess.run(["ps", "-o", "pid=", "-s", str(self.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listed.stdout.split() if int(pid) != self.pid]

    def wait(self) -> Done:
        """Wait for its end; gives how it ended and what it said."""
        self._process.join()
        assert self._process.exitcode is not None
        out, err = ((self._output / name).read_text() for name in ("stdout", "stderr"))
        return Done(self._process.exitcode, out, err)

    def __enter__(self) -> Started:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.running:
            self.kill()


def start_a_helper(begun: Path) -> None:
    """Start a process that touches a file and then works until this one ends; and go on for long."""
    multiprocessing.get_context("spawn").Process(target=_help, args=(begun,)).start()
    time.sleep(FOREVER)


def _help(begun: Path) -> None:
    end_with_parent()
    begun.touch()
    time.sleep(FOREVER)


def wait_for_the_end_of(helpers: list[int]) -> None:
    """What works for a run that is gone must go as well."""
    deadline = time.monotonic() + FOREVER
    while alive := [pid for pid in helpers if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"{alive} go on"
        time.sleep(0.05)


def freeseg_command(*arguments: object, folder: Path | None = None, cores: int | None = None) -> Done:
    """Run the command line in a process of its own, to its end."""
    return Started.command(*arguments, folder=folder, cores=cores).wait()


def _call(
    function: Callable[..., object],
    arguments: tuple[object, ...],
    folder: Path,
    variables: dict[str, str],
    session: bool,
    cores: int | None,
    output: Path,
) -> None:
    if session:
        os.setsid()
    if cores is not None:
        all_cores = sorted(os.sched_getaffinity(0))
        first = os.getpid() % len(all_cores)
        os.sched_setaffinity(0, (all_cores[first:] + all_cores[:first])[:cores])
    multiprocessing.set_start_method(None, force=True)  # of processes that it starts itself: what it is elsewhere
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # a server that was started while labelling holds it
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(output / name, os.O_WRONLY | os.O_CREAT), descriptor)
    function(*arguments)


def _freeseg(arguments: list[str]) -> None:
    from freeseg.cli import main

    sys.argv = ["freeseg", *arguments]
    main()
