"""What a teacher is trained on: photos and captions are read once, by content."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from freeseg.data import open_sources
from freeseg.errors import DataError
from freeseg.models.iclip import ICLIP
from freeseg.training import features, processes
from freeseg.training.features import expected_bytes
from freeseg.training.teacher.data import TeacherData, open_stores, read_teacher_data
from freeseg.words import Vocabulary
from tiny import tiny_iclip

NOUNS = Vocabulary.of(["dog", "cat", "ball"])
CPU = torch.device("cpu")


def draw(path: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five captioned photos (one held out, one without captions) and one that is broken."""
    root = tmp_path / "captioned"
    (root / "images").mkdir(parents=True)
    lines = []
    for index in range(5):
        draw(root / "images" / f"{index}.png", index)
        captions = [] if index == 4 else [f"a dog and ball number {index}", "two cats"]
        lines.append({"file": f"{index}.png", "captions": captions, "split": "test" if index == 3 else "train"})
    (root / "images" / "broken.png").write_bytes(b"\x89PNG but not really")
    lines.append({"file": "broken.png", "captions": ["a cat"], "split": "train"})
    (root / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


def run(model: ICLIP, folder: Path, cache: Path) -> TeacherData:
    return read_teacher_data(model, open_sources([folder]), open_stores(cache, model, ("image", "text")), NOUNS, CPU)


def test_splits_captions_and_nouns(folder: Path, tmp_path: Path) -> None:
    data = run(tiny_iclip(), folder, tmp_path / "cache")
    assert (len(data.captioned), len(data.held_out), len(data.unlabelled)) == (3, 1, 1)
    assert data.captioned[0].nouns == (0, 1, 2)  # dog, cat (cats), ball
    assert data.sources == {"captioned": 5}
    [reason] = data.skipped
    assert reason.startswith("cannot read broken.png: ")


def test_rows_are_the_towers_features_averaged_to_the_grid(folder: Path, tmp_path: Path) -> None:
    model = tiny_iclip()
    data = run(model, folder, tmp_path / "cache")
    photo = Image.open(folder / "images" / "1.png").resize((features.SIDE, features.SIDE), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None]
    expected = F.adaptive_avg_pool2d(model.features(pixels), features.GRID)[0].flatten(1).T
    np.testing.assert_allclose(data.features[data.captioned[1].row], expected, atol=2e-3)
    captions = model.text_tower(["a dog and ball number 1", "two cats"])
    np.testing.assert_allclose(data.texts[data.captioned[1].captions], captions, atol=1e-6)


def test_what_is_cached_is_not_computed_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tiny_iclip(), folder, tmp_path / "cache")
    model = tiny_iclip()

    def never(*_: object) -> None:
        raise AssertionError("a tower computes again")

    monkeypatch.setattr(model, "features", never)
    monkeypatch.setattr(type(model.text_tower), "__call__", never)
    again = run(model, folder, tmp_path / "cache")
    assert np.array_equal(first.features, again.features)
    assert [pair.row for pair in first.captioned] == [pair.row for pair in again.captioned]


def test_a_stopped_extraction_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "BATCH", 2)
    whole = run(tiny_iclip(), folder, tmp_path / "whole")
    sources, model = open_sources([folder]), tiny_iclip()
    stores = open_stores(tmp_path / "stopped", model, ("image", "text"))

    def stop(done: int, total: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_teacher_data(model, sources, stores, NOUNS, CPU, on_photos=stop)
    assert 0 < len(stores[0]) < 5
    assert np.array_equal(run(tiny_iclip(), folder, tmp_path / "stopped").features, whole.features)


def test_the_expected_size_is_the_size_on_disk(folder: Path, tmp_path: Path) -> None:
    model = tiny_iclip()
    run(model, folder, tmp_path / "cache")
    on_disk = max(path.stat().st_size for path in (tmp_path / "cache").rglob("rows.bin"))
    assert on_disk == expected_bytes(model, 5)


def test_photos_without_any_caption_cannot_be_trained_on(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, "PNG")
    (tmp_path / "plain" / "a.png").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="no photo with captions"):
        run(tiny_iclip(), tmp_path / "plain", tmp_path / "cache")


def test_another_process_whose_cache_is_another(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = features.ExtractedPhotos([features.ExtractedPhoto("a" * 64, ("a cat",), "train")])
    monkeypatch.setattr(processes, "from_first_helped", lambda compute, work: found)
    with pytest.raises(DataError, match="are not there; choose a --cache that all machines see"):
        run(tiny_iclip(), folder, tmp_path / "cache")
