"""`freeseg pretrain` again in the same folder: it goes on, unless a tower is no longer what it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from commands import Done, Run, one_line
from tiny_transformers import save_clip, save_dinov2

PHOTOS = 6


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it runs: photos with captions, and towers."""
    (tmp_path / "captioned").mkdir()
    rng = np.random.default_rng(0)
    with (tmp_path / "captioned" / "captions.jsonl").open("w") as lines:
        for index in range(PHOTOS):
            pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "captioned" / f"{index}.png")
            lines.write(json.dumps({"file": f"{index}.png", "captions": [f"cat number {index}"]}) + "\n")
    save_clip(tmp_path / "clip")
    save_dinov2(tmp_path / "dinov2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FREESEG_CACHE", "off")
    return tmp_path


@pytest.fixture
def pretrain(run: Run, folder: Path) -> Run:
    """`freeseg pretrain` with class attention of another tower."""
    given = ("captioned", "--out", "mine", "--cache", "cache", "--batch-size", 4, "--epochs", 1)
    towers = {"--image-tower": "clip", "--text-tower": "clip", "--attention": "dinov2", "--mode": "raw"}

    def call(**other: str) -> Done:
        named = towers | {f"--{option.replace('_', '-')}": value for option, value in other.items()}
        return run("pretrain", *given, *(part for pair in named.items() for part in pair))

    return call


def altered(tower: Path) -> str:
    """A copy of a tower, one of whose weights is another; gives its name."""
    copy = shutil.copytree(tower, tower.with_name(f"another-{tower.name}"))
    weights = load_file(copy / "model.safetensors")
    next(iter(weights.values())).add_(1)
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    return copy.name


def test_the_same_command_goes_on(pretrain: Run, folder: Path) -> None:
    assert pretrain().code == 0
    weights = (folder / "mine" / "model.safetensors").read_bytes()
    (folder / "dinov2").rename(folder / "moved")  # where a tower lies is not what it is
    done = pretrain(attention="moved")
    assert (done.code, done.err) == (0, "")
    assert (folder / "mine" / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    ("option", "tower"), [("image_tower", "clip"), ("text_tower", "clip"), ("attention", "dinov2")]
)
def test_another_tower_of_the_same_shapes(pretrain: Run, folder: Path, option: str, tower: str) -> None:
    assert pretrain().code == 0
    model = (folder / "mine" / "model.safetensors").read_bytes()
    line = one_line(pretrain(**{option: altered(folder / tower)}))
    role = option.removesuffix("_tower")
    assert "mine/seed-0 holds a training with other settings (" in line
    assert f"({role} tower " in line
    assert (folder / "mine" / "model.safetensors").read_bytes() == model


def test_another_mode(pretrain: Run) -> None:
    assert pretrain().code == 0
    assert " raw False -> " in one_line(pretrain(mode="sclip"))
