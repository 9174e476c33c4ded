"""Samples are photos with their truths, in order, and can be read by a process that shares nothing."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawn import SIZES, draw_voc
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.errors import DataError, PhotoError
from freeseg.evaluation import reading
from freeseg.evaluation.reading import samples
from freeseg.models import Preprocessing

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


def test_a_process_that_shares_nothing_can_read(voc: SegmentationData) -> None:
    """Not all systems fork."""
    reader: Any = reading._Reader(voc, voc.items, SEEN)
    sent = pickle.loads(pickle.dumps(reader))  # noqa: S301
    assert np.array_equal(sent[1].truth, reader[1].truth)
    assert pickle.loads(pickle.dumps(reading._as_it_is)) is reading._as_it_is  # noqa: S301
