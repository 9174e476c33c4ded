"""SIGTERM stops every command as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

import freeseg.cli
from commands import Run, one_line
from drawn import draw_voc
from freeseg import loading
from freeseg.cli import STOPPED, TERMINATED
from freeseg.models import hub, towers
from networks import draw_free_masks


@pytest.mark.parametrize(
    ("owner", "name", "command"),
    [
        (loading, "load", "segment drawn/photos/0.png -l cat"),
        (loading, "load", "heatmap drawn/photos/0.png -l cat"),
        (loading, "load", "label drawn/photos -l cat -o out"),
        (loading, "load", "evaluate --dataset voc20 --root voc -o out"),
        (loading, "load", "train --images drawn/photos --masks drawn/masks -o out"),
        (loading, "load", "export -l cat -o out"),
        (towers, "resolve", "pretrain drawn/photos -o out"),
        (hub, "describe", "fetch some/clip"),
        (hub, "push", "push mine some/mine"),
    ],
)
def test_sigterm_stops_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, command: str
) -> None:
    """It comes while the command loads or asks for what it needs."""

    def terminated(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    draw_free_masks(tmp_path / "drawn")
    draw_voc(tmp_path / "voc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(owner, name, terminated)
    done = run(*command.split())
    assert done.code == TERMINATED
    assert one_line(done) == "freeseg: stopped; what was finished is kept"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, STOPPED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_before_the_command_has_begun(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setattr(freeseg.cli, "app", lambda *_, **__: signal.raise_signal(number))
    assert run("models") == (code, "", "freeseg: stopped; what was finished is kept\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, STOPPED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_where_python_lets_no_exception_out(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    class Closed:
        def __del__(self) -> None:
            signal.raise_signal(number)

    def work(*_: object, **__: object) -> None:
        Closed()
        for _each in range(1_000):
            time.sleep(0.01)

    hook = sys.unraisablehook
    monkeypatch.setattr(freeseg.cli, "app", work)
    assert run("models") == (code, "", "freeseg: stopped; what was finished is kept\n")
    assert sys.unraisablehook is hook
