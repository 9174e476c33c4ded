"""From unlabelled photos to a network of one's own, through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from freeseg.cli.training import show_steps
from freeseg.data.free_masks import open_free_masks
from freeseg.training.loop import StepReport
from networks import draw_free_masks
from processes import Started, freeseg_command
from tiny_transformers import save_clip

KILLED_AT = (  # soon after one of these is there, in the order in which they come to be
    "cache/*/rows.bin",
    "mine/round-0/.state.pt.*",
    "mine/round-0/state.pt",
    "mine/round-1/masks/masks/photos/*.png",
    "mine/round-1/masks/contact-sheet.png",
    "mine/round-1/state.pt",
)
QUICK = ("--side", "64", "--batch-size", "2", "--epochs", "1", "--device", "cpu", "--encoder", "segmentation-lite0")
TRAIN = ("train", "--images", "photos", "--masks", "masks", "--out", "mine", "--cache", "cache", *QUICK)
TEACHER = "clip"  # a tiny one, which takes no time


LOSS, WEIGHT = 1e-4, 1e-4  # how far losses (relative) and weights of two processes may be from those of one


def state_of(run: Path) -> dict[str, Any]:
    """The last checkpoint of a training."""
    state: dict[str, Any] = torch.load(run / "state.pt", weights_only=True)
    return state


def train(root: Path) -> tuple[str, ...]:
    """The command of a training with a round of self-training, by the teacher in a folder."""
    return (*TRAIN, "--teacher", str(root / TEACHER), "--self-training", "1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, cat_photo: Image.Image) -> Path:
    """A folder with photos, free masks of them, and a network trained on these, with a round of self-training."""
    root = tmp_path_factory.mktemp("own")
    save_clip(root / TEACHER)
    (root / "photos").mkdir()
    for number in range(5):
        cat_photo.crop((20 * number, 0, 300 + 20 * number, 280)).resize((96, 90)).save(root / f"photos/{number}.jpg")
    label = ("label", "photos", "--labels", "cat, dog", "--out", "masks", "--workers", 1, "--model", TEACHER)
    for command in (label, train(root)):
        done = freeseg_command(*command, folder=root, cores=1)
        assert done.code == 0, done.err
    return root


def test_how_long_it_will_take_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    remarks: list[str] = []
    report = show_steps(lambda done, total, remark="": remarks.append(remark))
    for step in range(1, 20):
        report(StepReport(step, 200, {"masks": 1.0}, {"agreement": 50.7} if step > 10 else {}))
    assert capsys.readouterr().err == "194 steps, about 1 minute\n"
    assert (remarks[0], remarks[-1]) == ("masks 1", "masks 1, agreement 50.7")


class TestTrain:
    def test_the_network_says_what_it_was_made_of(self, trained: Path) -> None:
        config = json.loads((trained / "mine" / "config.json").read_text())
        assert config["image_tower"] == "segmentation-lite0"
        assert config["training"]["sources"] == {"photos": 5}
        assert config["training"]["recipe"]["self_training"] == 1
        assert config["training"]["command"].startswith("freeseg train --images photos")
        assert list(config["metrics"]) == ["agreement with free masks kept aside, mIoU"]

    def test_pictures_of_both_rounds(self, trained: Path) -> None:
        for number in (0, 1):
            for name in ("curves.png", "epoch-1.png"):
                with Image.open(trained / "mine" / f"round-{number}" / name) as picture:
                    assert min(picture.size) > 50

    def test_what_photos_are_known_to_show_stays_when_they_are_relabelled(self, trained: Path) -> None:
        first = open_free_masks(trained / "masks")
        again = open_free_masks(trained / "mine" / "round-1" / "masks")
        assert {entry.file: entry.labels for entry in again.entries} == {
            entry.file: entry.labels for entry in first.entries
        }
        assert {entry.model for entry in again.entries} == {"mine"}

    def test_it_is_a_model_like_any_other(self, trained: Path) -> None:
        photo, out = trained / "photos" / "0.jpg", trained / "out"
        done = freeseg_command("segment", photo, "--labels", "cat, sofa", "--model", trained / "mine", "--out", out)
        assert done.code == 0, done.err
        assert (out / "0.mask.png").exists()

    def test_again_it_is_done_at_once_and_the_same(self, trained: Path) -> None:
        before = (trained / "mine" / "model.safetensors").read_bytes()
        done = freeseg_command(*train(trained), folder=trained, cores=1)
        assert done.code == 0, done.err
        assert (trained / "mine" / "model.safetensors").read_bytes() == before

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (["--learning-rate", "0.1"], "learning_rate"),
            (["--side", "50"], "multiple of 32"),
            (["--precision", "fp8"], "precision"),
            (["--device", "tpu"], "device"),
        ],
    )
    def test_a_mistake_is_one_line(self, trained: Path, change: list[str], said: str) -> None:
        done = freeseg_command(*train(trained), *change, folder=trained)
        assert done.code == 1
        assert "Traceback" not in done.err
        assert said in done.err.splitlines()[-1]


TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc_per_node", "2")
ACCELERATE = ("accelerate.commands.launch", "--cpu", "--num_machines", "1", "--num_processes", "2")
IN_SCALE = pytest.mark.skipif("FREESEG_TEST_SCALE" not in os.environ, reason="torchrun does the same: make test-scale")


@pytest.mark.parametrize("launch", [TORCHRUN, pytest.param(ACCELERATE, marks=IN_SCALE)], ids=["torchrun", "accelerate"])
def test_two_processes_of_a_launcher(trained: Path, launch: tuple[str, ...]) -> None:
    """With a cache to fill and photos to relabel, as a launcher starts them; what they learn is what one learns."""
    two, cache = f"two-of-{launch[0]}", f"cache-of-{launch[0]}"
    given = ("-m", "freeseg", *train(trained), "--out", two, "--cache", cache)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *launch, *map(str, given)],
        cwd=trained,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"{two} in {two}") == 1
    for number in (0, 1):
        shared, alone = (state_of(trained / name / f"round-{number}") for name in (two, "mine"))
        for one, other in zip(shared["history"], alone["history"], strict=True):
            assert one == pytest.approx(other, rel=LOSS)
        torch.testing.assert_close(shared["average"], alone["average"], rtol=0, atol=WEIGHT)
    for cached in (trained / "cache").rglob("rows.bin"):
        other = trained / cache / cached.relative_to(trained / "cache")
        assert other.stat().st_size == cached.stat().st_size  # every photo once
        assert other.with_name("keys.txt").read_bytes() == cached.with_name("keys.txt").read_bytes()


def test_killed_again_and_again_it_ends_the_same(trained: Path) -> None:
    """kill -9 at random moments of the whole command: the cache, two rounds, the relabelling between them."""
    folder = trained / "killed"
    folder.mkdir()
    for name in ("photos", "masks"):
        (folder / name).symlink_to(trained / name)
    command = train(trained)
    rng, killed = np.random.default_rng(0), 0
    for reached in KILLED_AT:
        with Started.command(*command, folder=folder, cores=1) as process:
            process.wait_until(lambda reached=reached: any(folder.glob(reached)))
            time.sleep(rng.uniform(0, 0.2))
            killed += process.kill()
    assert killed > len(KILLED_AT) / 2  # else nothing was tried
    assert freeseg_command(*command, folder=folder, cores=1).code == 0
    for name in ("model.safetensors", "config.json", "README.md", "round-1/masks/manifest.jsonl", "round-1/curves.png"):
        assert (folder / "mine" / name).read_bytes() == (trained / "mine" / name).read_bytes(), name


def test_an_encoder_that_there_is_not(tmp_path: Path) -> None:
    draw_free_masks(tmp_path)
    done = freeseg_command(*TRAIN, "--encoder", "resnet", "--teacher", "freeseg-lite", folder=tmp_path)
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "segmentation-lite2" in done.err
