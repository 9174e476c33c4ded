"""`freeseg evaluate`, killed at any moment, goes on where it was."""

from __future__ import annotations

from pathlib import Path

from drawn import draw_voc
from freeseg.evaluation.report.report import Report
from processes import Started, freeseg_command


def test_a_killed_evaluation_goes_on(tmp_path: Path) -> None:
    """The real program, killed between any two instructions, with other threads reading for it."""
    draw_voc(tmp_path / "voc", copies=8)
    given = ("evaluate", "--dataset", "voc20", "--root", "voc", "--short-side", 128)
    journal = tmp_path / "out" / "photos.jsonl"
    with Started.command(*given, "--readers", 1, "--out", "out", folder=tmp_path, session=True) as process:
        process.wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 3)
        assert process.helpers() == []  # nothing that would outlive it
        assert process.kill()
    assert len(journal.read_bytes().splitlines()) < 25
    for out in ("out", "whole"):
        done = freeseg_command(*given, "--readers", 0, "--out", out, folder=tmp_path)
        assert done.code == 0, done.err
    first, second = (Report.load(tmp_path / out / "report.json") for out in ("out", "whole"))
    assert len(first.records) == 24
    assert first.records == second.records
