"""`freeseg pretrain` again in the same folder: it goes on, unless a tower is no longer what it was."""

from __future__ import annotations

import json
import shutil
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from commands import Done, Run, one_line
from launched import launch_command
from processes import freeseg_command
from tiny_transformers import save_clip, save_dinov2

PHOTOS = 6
COMMAND = ("pretrain", "captioned", "--out", "mine", "--cache", "cache", "--batch-size", 4, "--epochs", 1)
WEIGHT = 1e-5  # how far the weights of two processes may be from those of one
TOWERS = {"--image-tower": "clip", "--text-tower": "clip", "--attention": "dinov2", "--mode": "raw"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with captions, towers, and a model that was trained on them; not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "captioned").mkdir()
    rng = np.random.default_rng(0)
    with (folder / "captioned" / "captions.jsonl").open("w") as lines:
        for index in range(PHOTOS):
            pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "captioned" / f"{index}.png")
            lines.write(json.dumps({"file": f"{index}.png", "captions": [f"cat number {index}"]}) + "\n")
    save_clip(folder / "clip")
    save_dinov2(folder / "dinov2")
    assert freeseg_command(*COMMAND, *chain(*TOWERS.items()), folder=folder).code == 0
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it runs: a copy of all that."""
    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FREESEG_CACHE", "off")
    return folder


@pytest.fixture
def pretrain(run: Run, folder: Path) -> Run:
    """`freeseg pretrain` with class attention of another tower."""

    def call(**other: str) -> Done:
        named = TOWERS | {f"--{option.replace('_', '-')}": value for option, value in other.items()}
        return run(*COMMAND, *chain(*named.items()))

    return call


def altered(tower: Path) -> str:
    """A copy of a tower, one of whose weights is another; gives its name."""
    copy = shutil.copytree(tower, tower.with_name(f"another-{tower.name}"))
    weights = load_file(copy / "model.safetensors")
    next(iter(weights.values())).add_(1)
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    return copy.name


def test_the_same_command_goes_on(pretrain: Run, folder: Path) -> None:
    weights = (folder / "mine" / "model.safetensors").read_bytes()
    (folder / "dinov2").rename(folder / "moved")  # where a tower lies is not what it is
    done = pretrain(attention="moved")
    assert (done.code, done.err) == (0, "")
    assert (folder / "mine" / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    ("option", "tower"), [("image_tower", "clip"), ("text_tower", "clip"), ("attention", "dinov2")]
)
def test_another_tower_of_the_same_shapes(pretrain: Run, folder: Path, option: str, tower: str) -> None:
    model = (folder / "mine" / "model.safetensors").read_bytes()
    line = one_line(pretrain(**{option: altered(folder / tower)}))
    role = option.removesuffix("_tower")
    assert "mine/seed-0 holds a training with other settings (" in line
    assert f"({role} tower " in line
    assert (folder / "mine" / "model.safetensors").read_bytes() == model


def test_another_mode(pretrain: Run) -> None:
    assert " raw False -> " in one_line(pretrain(mode="sclip"))


def test_two_processes_learn_what_one_learns(folder: Path) -> None:
    """The first computes the features while the other waits, and it alone prints and writes."""
    options = [*COMMAND, *chain(*TOWERS.items()), "--trainings", 2, "--batch-size", 2]
    alone = launch_command(1, *options, "--out", "alone", folder=folder)
    shared = launch_command(2, *options, "--out", "shared", "--cache", "other-cache", folder=folder)
    assert [each.code for each in (*alone, *shared)] == [0, 0, 0], shared
    assert shared[0].out == alone[0].out.replace("alone", "shared").replace(" cache", " other-cache")
    assert (shared[1].out, shared[1].err) == ("", "")
    one, other = (load_file(folder / name / "model.safetensors") for name in ("alone", "shared"))
    torch.testing.assert_close(other, one, rtol=0, atol=WEIGHT)
    for cached in (folder / "cache").rglob("keys.txt"):
        assert (folder / "other-cache" / cached.relative_to(folder / "cache")).read_bytes() == cached.read_bytes()


def test_a_mistake_ends_all_processes_by_one_line_each(folder: Path) -> None:
    (folder / "captioned" / "captions.jsonl").write_text("no JSON")
    for done in launch_command(2, *COMMAND, *chain(*TOWERS.items()), folder=folder):
        assert "captions.jsonl, line 1: not a JSON object in UTF-8" in one_line(done)
