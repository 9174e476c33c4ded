"""`freeseg heatmap`: a picture for each photo, of one photo and of folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import Run, written
from freeseg.pipeline import FreeSeg


def test_one_sheet_for_all_labels(run: Run, photo: Path, tmp_path: Path, on_tiny: None) -> None:
    done = run("heatmap", photo, "-l", "cat, sofa|couch, 猫", "-o", tmp_path / "new" / "out")
    assert (done.code, done.err) == (0, "")
    path = tmp_path / "new" / "out" / "noise.heatmap.jpg"
    assert f"3 heatmaps in {path}" in done.out
    assert written(tmp_path / "new") == ["out/noise.heatmap.jpg"]
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    assert pixels.shape[0] * pixels.shape[1] > 3 * 30 * 44
    assert pixels.std(axis=2).max() > 20  # in colours


def test_a_folder(run: Run, photo: Path, tmp_path: Path, on_tiny: None) -> None:
    deeper = photo.parent / "day-2" / "more.png"
    deeper.parent.mkdir()
    deeper.write_bytes(photo.read_bytes())
    (photo.parent / "bad.png").write_bytes(b"no picture")
    done = run("heatmap", photo.parent, "-l", "cat", "-o", tmp_path / "out")
    assert done.code == 1
    assert done.out.splitlines()[-1] == f"heat maps of 2 of 3 photos in {tmp_path / 'out'}"
    [line] = done.err.splitlines()
    assert "bad.png" in line
    assert written(tmp_path / "out") == ["day-2/more.heatmap.jpg", "noise.heatmap.jpg"]


def test_what_all_words_share_is_taken_out_on_request(
    run: Run, photo: Path, tmp_path: Path, tiny: FreeSeg, on_tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    similarity, drawn = tiny.similarity, {}
    for option in ("--remove-redundancy", ""):

        def watched(*asked: Any, key: str = option, **options: Any) -> Any:
            return drawn.setdefault(key, similarity(*asked, **options))

        monkeypatch.setattr(tiny, "similarity", watched)
        assert run("heatmap", photo, "-l", "cat, dog", "-o", tmp_path / "out", *option.split()).code == 0
    for option, removed in (("", False), ("--remove-redundancy", True)):
        expected = similarity(photo, "cat, dog", remove_redundancy=removed)
        assert drawn[option] == pytest.approx(expected, abs=1e-5)  # PyTorch may add in another order
