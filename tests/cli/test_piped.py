"""Photos that come through a pipe, and lists of names."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from commands import Run, one_line, results_of, written

LABELS = ("--labels", "cat, dog", "--out", "out")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_tiny: None) -> None:
    monkeypatch.chdir(tmp_path)


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Let this be what comes through the pipe."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_a_photo(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("segment", photo, *LABELS).code == 0
    for _ in range(2):  # the second time it is the same photo, which has its place
        pipe(monkeypatch, photo.read_bytes())
        done = run("segment", "-", *LABELS)
        assert (done.code, done.err) == (0, "")
    assert written(Path("out")) == sorted([*results_of("noise"), *results_of("stdin")])
    piped, named = (json.loads(Path(f"out/{stem}.json").read_text()) for stem in ("stdin", "noise"))
    assert piped["labels"] == named["labels"]
    pipe(monkeypatch, photo.read_bytes())
    assert run("heatmap", "-", *LABELS).code == 0
    assert Path("out/stdin.heatmap.jpg").exists()


def test_names(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, f"{photo}\0".encode())
    assert run("segment", "-", *LABELS).code == 0
    assert written(Path("out")) == results_of("noise")


def test_a_list(run: Run, photo: Path) -> None:
    Path("names.txt").write_text(f"{photo}\nmore.png\n")
    Path("more.png").write_bytes(photo.read_bytes())
    assert run("heatmap", "@names.txt", *LABELS).code == 0
    assert written(Path("out")) == ["more.heatmap.jpg", "noise.heatmap.jpg"]


def test_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"")
    assert "the pipe: it is empty" in one_line(run("segment", "-", *LABELS))
