"""`freeseg evaluate`, killed at any moment, goes on where it was."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from drawn import draw_voc
from freeseg.evaluation.report.report import Report


def test_a_killed_evaluation_goes_on(tmp_path: Path) -> None:
    """The real program, killed between any two instructions, with another process reading for it."""
    draw_voc(tmp_path / "voc", copies=8)
    given = ["evaluate", "--dataset", "voc20", "--root", "voc", "--workers", "1"]
    journal = tmp_path / "out" / "photos.jsonl"
    with subprocess.Popen([sys.executable, "-m", "freeseg", *given, "--out", "out"], cwd=tmp_path) as started:
        while started.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 3):
            time.sleep(0.01)
        started.kill()
    assert len(journal.read_bytes().splitlines()) < 25
    for out in ("out", "whole"):
        subprocess.run([sys.executable, "-m", "freeseg", *given, "--out", out], cwd=tmp_path, check=True)
    first, second = (Report.load(tmp_path / out / "report.json") for out in ("out", "whole"))
    assert len(first.records) == 24
    assert first.records == second.records
