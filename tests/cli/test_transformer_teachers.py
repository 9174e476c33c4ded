"""A CLIP, a SigLIP, a SigLIP 2 as the teacher: `label`, `train`, `evaluate` and `export` take them as any model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import freeseg
import freeseg.cli
from exports import described
from freeseg.models import read_config
from tiny_transformers import SAVERS, ZERO_SHOT

Run = Callable[..., str]
PHOTOS = 6
LABELS = "cat, dog|puppy"
QUICK = ("--side", 64, "--batch-size", 2, "--epochs", 1, "--device", "cpu", "--encoder", "segmentation-lite0")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny checkpoints, photos, and a dataset of such photos with masks."""
    root = tmp_path_factory.mktemp("teachers")
    for kind in ZERO_SHOT:
        SAVERS[kind](root / kind)
    rng = np.random.default_rng(0)
    for index in range(PHOTOS):
        pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        for folder in ("photos", "truth/JPEGImages"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / folder / f"{index}.png")
        (root / "truth" / "SegmentationClass").mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 3, (60, 80), dtype=np.uint8)).save(
            root / "truth" / "SegmentationClass" / f"{index}.png"
        )
    (root / "truth" / "classes.json").write_text(json.dumps(["background", "cat", "dog|puppy"]))
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, root: Path) -> Run:
    """The command line in this process, which must succeed; gives what it said."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("FREESEG_CACHE", "off")

    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["freeseg", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            freeseg.cli.main()
        said = capsys.readouterr()
        assert ended.value.code in (0, None), said.err or ended.value.code
        return said.out

    return call


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("kind", ["clip", "siglip2"])
def test_from_photos_to_a_network(run: Run, root: Path, tmp_path: Path, kind: str) -> None:
    masks, mine = tmp_path / "masks", tmp_path / "mine"
    run("label", "photos", "--labels", LABELS, "--model", kind, "--out", masks, "--workers", 1)
    assert len((masks / "manifest.jsonl").read_text().splitlines()) == PHOTOS
    run("train", "--images", "photos", "--masks", masks, "--out", mine, "--cache", tmp_path / "cache", *QUICK)
    config = read_config(mine)
    assert (config.towers.image, config.towers.text) == ("segmentation-lite0", str(root / kind))
    network = freeseg.load(mine)
    teacher = freeseg.load(root / kind)
    words = ["cat", "a red car"]
    found, expected = (each.embed_vocabulary(words).aliases for each in (network, teacher))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert network.segment(root / "photos" / "0.png", LABELS).mask.shape == (60, 80)
    if kind == "siglip2":  # its text tower is the stranger one; the image side is the same network
        run("export", "--model", mine, "--labels", LABELS, "--out", tmp_path / "onnx")
        assert described(tmp_path / "onnx" / "mine.onnx")["labels"] == ["background", "cat", "dog"]


@pytest.mark.parametrize("kind", ZERO_SHOT)  # what tests/export does with each of them is not done again here
def test_measured(run: Run, tmp_path: Path, kind: str) -> None:
    run("evaluate", "--dataset", "folder", "--root", "truth", "--model", kind, "--out", tmp_path / "report")
    (record,) = (tmp_path / "report").rglob("report.json")
    assert 0 <= json.loads(record.read_text())["numbers"]["mIoU"]["value"] <= 100
