"""Samples are photos with their truths, in order."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import SIZES, draw_voc
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.errors import DataError, PhotoError
from freeseg.evaluation import reading
from freeseg.evaluation.reading import samples
from freeseg.models import Preprocessing
from freeseg.prepared import Prepared

SEEN = Preprocessing(24)


@pytest.fixture
def voc(tmp_path: Path) -> SegmentationData:
    return open_dataset("voc21", draw_voc(tmp_path))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("start", [0, 2, 3])
def test_photos_and_truths_in_order(voc: SegmentationData, workers: int, start: int) -> None:
    found = list(samples(voc, start, SEEN, workers))
    assert [Path(sample.prepared.source).name for sample in found] == [f"{name}.jpg" for name in SIZES][start:]
    for sample, item in zip(found, voc.items[start:], strict=True):
        assert np.array_equal(sample.truth, np.array(Image.open(item.mask)))
        assert np.array_equal(np.array(sample.prepared.photo), np.array(Image.open(item.photo)))
        assert min(sample.prepared.pixels.shape[:2]) == 24


@pytest.mark.parametrize(("broken", "error"), [("photo", PhotoError), ("mask", DataError)])
def test_those_before_a_broken_one_come_first(voc: SegmentationData, broken: str, error: type[Exception]) -> None:
    getattr(voc.items[1], broken).write_bytes(b"no picture")
    found = samples(voc, 0, SEEN, 1)
    assert Path(next(found).prepared.source).name == "one.jpg"
    with pytest.raises(error):
        next(found)


def test_only_a_few_are_read_before_they_are_asked_for(voc: SegmentationData, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, read = reading.prepare_photo, list[object]()

    def counted(photo: Path, preprocessing: Preprocessing) -> Prepared:
        read.append(photo)
        return prepare(photo, preprocessing)

    monkeypatch.setattr(reading, "prepare_photo", counted)
    many = replace(voc, items=voc.items * 4)
    for workers in (0, 2):
        read.clear()
        for asked, _ in enumerate(samples(many, 0, SEEN, workers), start=1):
            assert len(read) <= asked + workers


def test_an_evaluation_that_is_given_up_reads_no_further(voc: SegmentationData) -> None:
    before = threading.active_count()
    found = samples(replace(voc, items=voc.items * 40), 0, SEEN, 2)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
