"""A whole evaluation from Python, in one call."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import freeseg.cli
import freeseg.evaluation
from drawn import SIZES, draw_voc
from freeseg import loading
from freeseg.cli.dataclass_options import with_options
from freeseg.evaluation.report.report import Report
from freeseg.pipeline import FreeSeg


def test_one_call_writes_a_report(tiny: FreeSeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny)
    steps: list[tuple[int, int]] = []
    out = tmp_path / "out"
    report = freeseg.evaluation.run(
        "tiny",
        dataset="voc21",
        root=draw_voc(tmp_path / "voc"),
        out=out,
        workers=0,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert [record.name for record in report.records] == list(SIZES)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert {path.name for path in out.iterdir()} == {"report.json", "report.md", "report.html"}
    assert Report.load(out) == report
    assert report.run.command == ""


def test_the_command_has_the_same_defaults() -> None:
    command = inspect.signature(with_options(freeseg.cli.evaluate)).parameters
    taken = inspect.signature(loading.load).parameters
    passed_on = {name: taken[name] for name in loading.LoadOptions.__annotations__}
    function = {**passed_on, **inspect.signature(freeseg.evaluation.run).parameters}
    options = {"workers" if name == "readers" else name: option for name, option in command.items()}
    assert set(function) - set(options) == {"command", "progress", "options", "threads"}
    for name, option in options.items():
        assert option.default == function[name].default, name
