"""`freeseg push`: what would be sent, and that it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hub_uploads import TOKEN, Uploads
from huggingface_hub import constants

from commands import Run, one_line
from freeseg.models import DEFAULT, embedded_folder
from hub_server import connected

NAME = "somebody/mine"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A model in a folder."""
    return Path(shutil.copytree(embedded_folder(DEFAULT), tmp_path / "mine"))


def test_what_would_be_sent(run: Run, mine: Path) -> None:
    done = run("push", mine, NAME, "--dry-run")
    assert (done.code, done.err) == (0, "")
    said = " ".join(done.out.split())
    assert "model.safetensors (10.8 MB)" in said
    assert said.endswith("would be at https://huggingface.co/somebody/mine")


def test_it_is_sent(run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with connected({}, tmp_path / "home", monkeypatch, Uploads) as hub:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        done = run("push", mine, NAME)
        assert done.code == 0
        assert " ".join(done.out.split()).endswith("are at https://huggingface.co/somebody/mine")
        assert "model.safetensors" in hub.models[NAME].revisions["main"]


def test_a_folder_without_a_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "config.json" in one_line(run("push", tmp_path / "empty", NAME))
