"""What version 0.1.0 wrote still loads, and means the same."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import freeseg
import freeseg.cli
from freeseg.data.free_masks import open_free_masks
from freeseg.evaluation.report.report import Report
from freeseg.models import TowerPair, read_config
from freeseg.words import Vocabulary
from networks import RECIPE, tiny_task

KEPT = Path(__file__).parent / "v0.1.0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kept files, in which the teacher's towers are found."""
    folder = tmp_path_factory.mktemp("compatibility") / "v0.1.0"
    shutil.copytree(KEPT, folder)
    config = folder / "teacher" / "config.json"
    config.write_text(config.read_text().replace("FOLDER", folder.as_posix()))
    return folder


def photo() -> Image.Image:
    """The photo that `expected.json` is about."""
    with Image.open(KEPT / "captioned" / "images" / "0.png") as image:
        return image.convert("RGB")


def test_a_teacher_answers_as_it_did(folder: Path) -> None:
    expected = json.loads((KEPT / "expected.json").read_text())
    teacher = freeseg.load(folder / "teacher")
    words = Vocabulary.of("cat, car", everyday_words=False)  # 0.1.0 looked for "car" by this word alone
    maps = teacher.similarity(photo(), words, size=(4, 4))
    np.testing.assert_allclose(np.asarray(maps), expected["maps"], atol=1e-3)
    result = teacher.segment(photo(), words, background=False)
    assert (result.mask[::6, ::6] == np.array(expected["mask"])).mean() >= 0.99
    np.testing.assert_allclose(result.confidence[::6, ::6], expected["confidence"], atol=5e-3)


@pytest.mark.parametrize("name", ["freeseg-lite", "freeseg-lite-iclip"])
def test_the_config_of_a_model_that_shipped(name: str) -> None:
    written = json.loads((KEPT / name / "config.json").read_text())
    config = read_config(KEPT / name)
    assert config.name == name
    assert config.towers.text == "all-minilm-l6-v2"
    assert config.preprocessing.short_side == 352
    assert (config.decision.smoothing, config.decision.presence_ratio) == (3, 0.55)
    assert config.decision.presence_weight == 0  # which 0.1.0 did not have: masks are decided as they were
    assert config.training == written["training"]
    assert config.metrics == written["metrics"]
    assert config.weights_sha256 == written["weights_sha256"]


def test_a_config_with_a_value_in_every_field() -> None:
    config = read_config(KEPT / "every-field")
    assert (config.name, config.hidden, config.same_meaning) == ("every field", 16, 0.5)
    assert config.towers == TowerPair("owner/image", "owner/text", "surgery", True, "main", "v2")
    pixels, decision = config.preprocessing, config.decision
    assert (pixels.short_side, pixels.long_cap, pixels.multiple, pixels.resample) == (224, 3.0, 16, "bilinear")
    assert (decision.smoothing, decision.logit_scale, decision.refine_steps) == (5, 30.0, 6)
    assert (decision.presence_share, decision.presence_ratio, decision.presence_floor) == (0.1, 0.2, 0.3)
    assert (decision.background_margin, decision.ignore_below) == (0.4, 0.7)
    assert (config.licence, config.metrics) == ("CC-BY-4.0", {"voc20 mIoU": 12.5})
    assert config.training == {"sources": {"photos": 12}, "command": "freeseg pretrain photos"}
    assert config.towers_sha256 == {"owner/image": "a" * 64, "owner/text": "b" * 64}
    assert config.weights_sha256 == "c" * 64


def test_free_masks() -> None:
    masks = open_free_masks(KEPT / "masks")
    assert masks.vocabulary.names == ("cat", "car", "sofa")
    assert masks.vocabulary.aliases == ("cat", "kitten", "car", "sofa", "couch")
    assert [(entry.file, entry.known, entry.labels) for entry in masks.entries] == [
        ("0.png", "captions", ("cat",)),
        ("1.png", "captions", ("cat",)),
        ("2.png", "captions", ("car",)),
        ("3.png", "presence", ()),
    ]
    for entry in masks.entries:
        mask, confidence = masks.mask(entry), masks.confidence(entry)
        assert mask.shape == confidence.shape == (entry.height, entry.width)
        assert (mask == 0).mean() == pytest.approx(entry.areas["background"])
        assert (mask == 1).mean() == pytest.approx(entry.areas.get("cat", 0.0))
        assert 0 <= confidence.min() <= confidence.max() <= 1
    assert masks.entries[0].ignored == pytest.approx(0.159375)


def test_a_report_has_the_numbers_that_it_was_written_with() -> None:
    written = json.loads((KEPT / "report" / "report.json").read_text())
    report = Report.load(KEPT / "report")
    assert report.run.classes == ("background", "cat", "car")
    assert [record.name for record in report.records] == ["0", "1", "2"]
    numbers = report.numbers()
    assert list(numbers) == list(written["numbers"])
    for name, values in written["numbers"].items():
        assert numbers[name]._asdict() == pytest.approx(values), name


def test_a_finished_teachers_training_is_not_begun_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command in the same folder: settings, states and cached features are those that it expects."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FREESEG_CACHE", "off")
    command = "pretrain captioned --image-tower clip --out teacher --cache cache --batch-size 2 --epochs 2 --hidden 8"
    monkeypatch.setattr(sys, "argv", ["freeseg", *command.split(), "--trainings", "2"])
    with pytest.raises(SystemExit) as ended:
        freeseg.cli.main()
    assert ended.value.code in (0, None)
    kept = [Path("teacher/model.safetensors"), *sorted(path.relative_to(KEPT) for path in KEPT.glob("cache/*/*"))]
    for path in kept:
        assert path.read_bytes() == (KEPT / path).read_bytes(), path


def test_a_stopped_networks_training_goes_on(folder: Path, tmp_path: Path) -> None:
    state = torch.load(KEPT / "network-stopped" / "state.pt", weights_only=True)
    task = tiny_task(tmp_path)
    loop = task.loop(folder / "network-stopped")
    loop.resume()
    assert loop.step == 4
    assert loop.history == state["history"]
    for name, tensor in task.average.trained_tensors().items():
        assert torch.equal(tensor, state["average"][name]), name
    loop.fit()
    assert loop.step == loop.steps == 9


def test_a_setting_that_is_another_than_0_1_0s_is_told_by_the_name_it_has_now(folder: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, learning_rate=0.5, foreground_share=0.5)
    changed = r"\(learning_rate 0.01 -> 0.5, foreground_share 0.7 -> 0.5\)"
    with pytest.raises(freeseg.FreeSegError, match=changed):
        tiny_task(tmp_path, recipe).loop(folder / "network-stopped").fit()
