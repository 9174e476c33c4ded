"""The marks by which FreeSeg knows its own files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.results.marks import Mark, read_mark
from freeseg.results.segmentation import Segmentation
from freeseg.results.writers import write_result


@pytest.mark.parametrize("most", [100, 700])  # pixels: Pillow refuses what has twice as many, and warns of others
def test_pictures_beyond_the_limit_of_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    mask = np.zeros((30, 40), np.uint8)
    result = Segmentation(
        mask=mask,
        confidence=np.ones(mask.shape, np.float32),
        labels=("background", "cat"),
        photo=Image.new("RGB", (40, 30)),
        name="a.jpg",
        model="tiny",
        presence={"cat": 0.0},
        candidates=(),
        source="photos/a.jpg",
    )
    paths = write_result(result, tmp_path, "a", formats=["overlay", "mask"])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        marks = [read_mark(path) for path in paths]
    assert all(isinstance(mark, Mark) and mark.photo.endswith("photos/a.jpg") for mark in marks)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"%PDF"])
def test_files_of_others_have_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mask.png"
    path.write_bytes(content)
    assert read_mark(path) is None
    assert read_mark(tmp_path) is None
    assert read_mark(tmp_path / "missing.png") is None
