"""A teacher from Python, in one call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import freeseg
from captioned import write_jsonl
from freeseg.training import teacher
from freeseg.training.loop import StepReport
from freeseg.training.teacher.recipe import TeacherRecipe
from tiny_transformers import save_clip

PHOTOS = 6


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos with captions, one of them damaged, and a CLIP."""
    names = [f"{number}.jpg" for number in range(PHOTOS)]
    write_jsonl(tmp_path / "captioned", [{"file": name, "captions": [f"cat {name}"]} for name in names], names)
    (tmp_path / "captioned" / "images" / "0.jpg").write_bytes(b"no photo")
    save_clip(tmp_path / "clip")
    monkeypatch.setenv("FREESEG_CACHE", "off")
    return tmp_path


def test_one_call_does_it_all_and_again_it_changes_nothing(folder: Path) -> None:
    notes: list[str] = []
    skipped: list[str] = []
    steps: list[StepReport] = []
    photos: list[tuple[int, int]] = []

    def run() -> freeseg.models.Config | None:
        return teacher.run(
            [folder / "captioned"],
            folder / "mine",
            recipe=TeacherRecipe(batch_size=2, epochs=2),
            image_tower=str(folder / "clip"),
            trainings=2,
            cache=folder / "cache",
            on_note=notes.append,
            on_skipped=skipped.append,
            on_photos=lambda done, total: photos.append((done, total)),
            on_step=steps.append,
        )

    config = run()
    assert config is not None
    assert ["has no label space" in note for note in notes] == [True, False]
    assert notes[1].startswith("6 photos; their features take 0.00 GB in ")
    assert skipped == [reason for reason in skipped if reason.startswith("cannot read 0.jpg")] != []
    assert [(step.step, step.steps) for step in steps] == [(number, 8) for number in range(1, 9)]
    assert photos[-1] == (6, 6)
    assert config.name == "mine"
    record = config.training
    assert list(record) == ["recipe", "sources", "command", "versions"]
    assert (record["sources"], record["command"]) == ({"captioned": 5}, "freeseg.training.teacher.run")
    assert record["recipe"]["attention"] == "none"
    assert (record["recipe"]["distill"], record["recipe"]["trainings"]) == (0.0, 2)
    model = freeseg.load(folder / "mine")
    assert model.config == config
    assert model.segment(np.zeros((30, 40, 3), np.uint8), "cat, dog").mask.shape == (30, 40)
    weights = (folder / "mine" / "model.safetensors").read_bytes()
    assert run() == config
    assert (folder / "mine" / "model.safetensors").read_bytes() == weights
