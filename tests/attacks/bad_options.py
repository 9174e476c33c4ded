"""Strange values for every option of every command that is a number, through the command line in this process."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from types import FrameType

import pytest
import typer
from PIL import Image

from attacks.damage import Attack
from attacks.jobs import JOBS, prepare
from freeseg.cli import STOPPED, app, main
from freeseg.errors import FreeSegError

VALUES = (
    *("0", "1", "-1", "2", "3", "7", "64", "257", "1.5", "0.5", "-0.5", "nan", "inf", "-inf", "1e308", "-1e308"),
    *("1e-320", "1" + "0" * 12, "1" + "0" * 30, "9" * 5_000, "", "x", "0x10", "1_000", " 1", "+1", "1e3", "\u0661"),
    *("true", "4294967295", "4294967296", "-0", "\x1b[2J", "1,5", "--", "None"),
)
# What starts a process for each gets no value that would start many.
PROCESSES = {"--workers": ("2", "3", "7", "64"), "--readers": ("2", "3", "7", "64")}
PATIENCE_SECONDS = 2.0  # after which Ctrl-C comes
HANG_SECONDS = 60.0  # after which it is taken for one that hangs
BASE = {name: list(job.command) for name, job in JOBS.items() if name == job.command[0]}
BASE["export"] = ["export", "--labels", "cat", "--out", "onnx", "--model", "../inputs/clip"]
BASE["compare"] = ["compare", "../inputs/report.json", "../inputs/report.json"]
BASE["segment-large"] = ["segment-large", "../inputs/field.tif", "--labels", "cat", "--model", "../inputs/clip"]
BASE["serve"] = ["serve", "--model", "../inputs/clip"]
REPORT = Path(__file__).parents[1] / "evaluation/report/report-0.1.0.json"


class HangError(Exception):
    """A command went on though Ctrl-C had come."""


@cache
def numeric_options() -> list[tuple[str, str]]:
    """Each command with each of its options that is a number."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return [
        (name, parameter.opts[0])
        for name, command in commands.items()
        for parameter in command.params
        if parameter.type_descriptor.annotation in (int, float) and parameter.opts[0].startswith("--")
    ]


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    inputs = prepare(Path(folder.name), photos=3) / "inputs"
    (inputs / "report.json").write_bytes(REPORT.read_bytes())
    Image.new("RGB", (90, 70), "red").save(inputs / "field.tif")
    return folder


def _bad(chance: random.Random) -> bytes:
    """A command with one strange value, or with two."""
    command, flag = chance.choice(numeric_options())
    own = [name for of, name in numeric_options() if of == command]
    words = list(BASE[command])
    for each in dict.fromkeys([flag, chance.choice(own)]):
        values = [value for value in VALUES if value not in PROCESSES.get(each, ())]
        words += [f"{each}={chance.choice(values)}"]
    return json.dumps(words).encode()


def _read(content: bytes, folder: Path) -> object:
    """Run it in a new folder beside what it reads; a refusal is raised with the line that it printed."""
    work = Path(_folder().name) / folder.name
    work.mkdir()
    said, told = io.StringIO(), io.StringIO()
    with chdir(work), pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(told):
        patch.setattr(sys, "argv", ["freeseg", *json.loads(content)])
        patch.setattr("freeseg.serve.running.serve", lambda *_, **__: None)
        with _ctrl_c_after(PATIENCE_SECONDS):
            code = _exit_code(told)
    lines = [line for line in told.getvalue().splitlines() if line.startswith("freeseg: ")]
    if code in (0, STOPPED):
        return said.getvalue()
    if code not in (1, 2) or len(lines) != 1 or "Traceback" in told.getvalue():
        raise ValueError(f"{content.decode()} ends with {code}: {told.getvalue()[-600:]}")
    raise FreeSegError(lines[0])


def _exit_code(told: io.StringIO) -> int:
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):  # as the interpreter does
            told.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    return 0


@contextmanager
def _ctrl_c_after(seconds: float) -> Iterator[None]:
    """A command that has accepted its options works for long: stop it."""
    pressed: list[int] = []

    def press(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise HangError
        signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


OPTIONS = {
    "options of commands": Attack(lambda _: json.dumps([*BASE["segment"], "--short-side=64"]).encode(), _bad, _read)
}
