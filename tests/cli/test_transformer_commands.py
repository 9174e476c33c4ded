"""The command line on checkpoints in transformers' format: segment with one, train on one."""

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
from freeseg.models import TowerPair, read_config
from freeseg.models.towers.transformer.folder import weights_sha256
from tiny import iclip_of
from tiny_transformers import SAVERS

Run = Callable[..., tuple[int, str]]
PHOTOS = 6


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny checkpoints, and photos with captions."""
    root = tmp_path_factory.mktemp("work")
    for kind in ("clip", "siglip", "dinov2"):
        SAVERS[kind](root / kind)
    (root / "captioned" / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (root / "captioned" / "captions.jsonl").open("w") as lines:
        for index in range(PHOTOS):
            pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "captioned" / "images" / f"{index}.png")
            lines.write(json.dumps({"file": f"{index}.png", "captions": [f"cat number {index}", "a dog"]}) + "\n")
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, root: Path) -> Run:
    """The command line in this process; gives its exit code and all that it said."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("FREESEG_CACHE", "off")

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["freeseg", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            freeseg.cli.main()
        said, code = capsys.readouterr(), ended.value.code
        text = said.out + said.err
        return (1, text + code) if isinstance(code, str) else (int(code or 0), text)

    return call


def pretrain(run: Run, out: Path, *options: object) -> str:
    small = ("--batch-size", 4, "--epochs", 1, "--cache", out.parent / "cache")
    code, said = run("pretrain", "captioned", "--out", out, *small, *options)
    assert code == 0, said
    return said


def test_segment_by_a_folder_and_a_mode(run: Run, tmp_path: Path) -> None:
    for mode in ("raw", "sclip"):
        out = tmp_path / mode
        code, said = run("segment", "captioned", "--labels", "cat,dog", "--model", "clip", "--mode", mode, "--out", out)
        assert code == 0, said
        assert f"{PHOTOS} of {PHOTOS} photos segmented" in said
    code, said = run("heatmap", "captioned/images/0.png", "--labels", "cat", "--model", "siglip", "--out", tmp_path)
    assert code == 0, said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "clip", "--mode", "gem"), "'gem' is not one of"),
        (("--mode", "surgery"), "freeseg-lite has no dense modes"),
        (("--model", "clip", "--precision", "int8"), "the model has no files for onnxruntime; leave --precision out"),
        (("--precision", "int4"), "'int4' is not one of 'int8', 'float32'"),
        (("--model", "clip", "--revision", "main"), "has no revisions"),
        (("--model", "dinov2"), "knows images only"),
    ],
)
def test_a_mistake_is_one_line(run: Run, tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    code, said = run("segment", "captioned", "--labels", "cat", "--out", tmp_path, *options)
    assert code == 1
    assert message in said
    assert len(said.splitlines()) == 1


class TestPretrain:
    def test_on_a_clip(self, run: Run, tmp_path: Path, root: Path) -> None:
        said = pretrain(run, tmp_path / "mine", "--image-tower", "clip", "--mode", "sclip")
        assert "has no label space: trained without vocabulary distillation" in said
        config = read_config(tmp_path / "mine")
        clip = str(root / "clip")
        assert config.towers == TowerPair(clip, clip, "sclip", projected=False)
        assert config.towers_sha256 == {clip: weights_sha256(root / "clip")}
        assert config.training["recipe"]["distill"] == 0
        assert config.training["recipe"]["attention"] == "none"
        model = freeseg.load(tmp_path / "mine")
        assert iclip_of(model).image_head.first.in_features == iclip_of(model).image_tower.channels == 32
        assert model.segment(np.zeros((30, 40, 3), np.uint8), ["cat", "dog"]).mask.shape == (30, 40)
        with pytest.raises(freeseg.FreeSegError, match="was trained on mode 'sclip'"):
            freeseg.load(tmp_path / "mine", mode="raw")

    def test_attention_of_another_tower_is_cached_beside_the_features(self, run: Run, tmp_path: Path) -> None:
        options = ("--image-tower", "siglip", "--attention", "dinov2", "--pooling", "masked-max")
        pretrain(run, tmp_path / "mine", *options)
        config = read_config(tmp_path / "mine")
        assert config.training["recipe"]["attention"] == "class"
        assert list(config.training["attention"]) == ["dinov2"]
        sizes = sorted(path.stat().st_size for path in (tmp_path / "cache").rglob("rows.bin"))
        assert 2 * 64 * PHOTOS in sizes  # attention: 8 x 8 patches of 2 bytes
        assert 2 * 64 * 32 * PHOTOS in sizes  # features: 32 channels of them

    def test_images_of_one_tower_and_words_of_another(self, run: Run, tmp_path: Path, root: Path) -> None:
        pretrain(run, tmp_path / "mine", "--image-tower", "dinov2", "--text-tower", "clip", "--hidden", 8)
        config = read_config(tmp_path / "mine")
        assert config.towers_sha256.keys() == {str(root / "dinov2"), str(root / "clip")}
        model = freeseg.load(tmp_path / "mine")
        assert model.similarity(np.zeros((30, 40, 3), np.uint8), ["cat"]).shape == (1, 30, 40)

    def test_another_clip_under_trained_heads_is_refused(self, run: Run, tmp_path: Path, root: Path) -> None:
        pretrain(run, tmp_path / "mine", "--image-tower", "clip")
        path = tmp_path / "mine" / "config.json"
        raw = json.loads(path.read_text())
        raw["towers"] = dict.fromkeys(raw["towers"], "0" * 64)
        path.write_text(json.dumps(raw))
        with pytest.raises(freeseg.FreeSegError, match="other tower weights"):
            freeseg.load(tmp_path / "mine")
        raw["image_tower"] = raw["text_tower"] = str(root / "moved")
        path.write_text(json.dumps(raw))
        with pytest.raises(freeseg.FreeSegError, match="moved"):
            freeseg.load(tmp_path / "mine")

    def test_attention_of_a_tower_without_a_class_token(self, run: Run, tmp_path: Path) -> None:
        code, said = run("pretrain", "captioned", "--out", tmp_path, "--image-tower", "clip", "--attention", "siglip")
        assert code == 1
        assert "siglip has no class token" in said
