"""Shared by the tests of commands: the command line in this process, on the tiny model, and a photo."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import freeseg.cli
from commands import Done, Run
from freeseg import loading
from freeseg.models import DEFAULT
from freeseg.pipeline import FreeSeg


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in this process."""
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["freeseg", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            freeseg.cli.main()
        said, code = capsys.readouterr(), ended.value.code
        if isinstance(code, str):  # as the interpreter does
            return Done(1, said.out, said.err + code + "\n")
        return Done(int(code or 0), said.out, said.err)

    return call


@pytest.fixture
def on_tiny(tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model that the command line loads is the tiny one."""
    monkeypatch.setattr(loading, "load", lambda model=DEFAULT, device="cpu", *_, **__: tiny)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of noise."""
    path = tmp_path / "in" / "noise.png"
    path.parent.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8)).save(path)
    return path
