"""`freeseg export`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from commands import Run, one_line, written
from exports import LABELS, described, saved_model, tiny_model
from freeseg import extras, loading
from freeseg.models.onnx_files import DESCRIPTION, WORDS
from networks import tiny_network
from tiny import tell_patches_apart


def test_labels_words_and_int8(run: Run, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loading, "load", lambda *_, **__: tiny_model(background_margin=0.05))  # that of tests/export
    options = ("--labels", LABELS, "--words", "cat, sofa|couch", "--int8", "--calibrate", photo_folder)
    done = run("export", "--out", tmp_path / "out", *options)
    assert (done.code, done.err) == (0, "")
    assert written(tmp_path / "out") == [
        "tiny.int8.onnx",
        "tiny.json",
        "tiny.onnx",
        "tiny.words.json",
        "tiny.words.npy",
    ]
    assert described(tmp_path / "out" / "tiny.onnx")["labels"] == ["background", "cat", "dog", "red car", "grass"]
    assert np.load(tmp_path / "out" / "tiny.words.npy").shape == (3, 16)
    first, second, third = done.out.splitlines()
    assert "from PyTorch (more than 1e-03 is refused)" in first
    assert "% of patches as in PyTorch" in second
    assert third.endswith("tiny.words.npy: 3 words")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--labels", "cat", "--int8"),
            "--int8 needs photos like those that will be segmented; add --calibrate FOLDER",
        ),
        (("--labels", "cat", "--calibrate", "."), "--calibrate is for a file in 8 bits; add --int8"),
        (("--labels", "cat", "--mode", "gem"), "'gem' is not one of 'raw', 'maskclip'"),
        (("--labels", "cat, cat"), "label 'cat' is given twice; name it once"),
        (("--labels", "cat", "--model", "nowhere"), "no model 'nowhere'"),
    ],
)
def test_mistakes_are_one_line(run: Run, tmp_path: Path, options: tuple[str, ...], message: str):
    done = run("export", "--out", tmp_path / "out", *options)
    assert message in one_line(done)
    assert written(tmp_path) == []


def test_what_is_not_installed_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(extras, "is_installed", lambda name: name != "onnxscript")
    done = run("export", "--out", tmp_path, "--labels", "cat")
    assert one_line(done) == 'freeseg: this needs onnxscript; run: pip install "freeseg[export]"'


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny network, which every command loads."""
    folder = tmp_path / "trained"
    model = saved_model(folder, tell_patches_apart(tiny_network().eval()))
    monkeypatch.setattr(loading, "load", lambda *_, **__: model)
    return folder


def test_light_files_beside_a_checkpoint(run: Run, trained: Path, photo_folder: Path):
    done = run("export", "--light", "--model", trained, "--int8", "--calibrate", photo_folder)
    assert (done.code, done.err) == (0, "")
    first, second, third = done.out.splitlines()
    assert "from PyTorch (more than 1e-04 is refused)" in first
    assert "% of patches as in PyTorch" in second
    assert third.startswith(f"{trained / WORDS}: ")
    made = json.loads((trained / DESCRIPTION).read_text())["made"]
    assert made["command"].startswith("freeseg export --light --model ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "freeseg-lite is no folder of yours; add --out FOLDER for a copy with the files"),
        (("--labels", "cat"), "--light is for any words; leave --labels, --words and --no-background out"),
        (("--no-background",), "--light is for any words; leave --labels, --words and --no-background out"),
    ],
)
def test_mistakes_of_light_are_one_line(run: Run, on_tiny: None, options: tuple[str, ...], message: str):
    assert message in one_line(run("export", "--light", *options))


def test_other_exports_need_a_folder(run: Run):
    assert "add --out FOLDER" in one_line(run("export", "--labels", "cat"))
