"""Pixels and confidence of each value, against a loop, in masks of one block and of several."""

from __future__ import annotations

import numpy as np
import pytest

from freeseg.results import counting
from freeseg.results.counting import mean_confidence_by_value, pixels_by_value


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("block", [1, 7, 20, 1 << 18])
def test_equals_a_loop(monkeypatch: pytest.MonkeyPatch, dtype: type, block: int) -> None:
    monkeypatch.setattr(counting, "_BLOCK_PIXELS", block)
    numbers = np.random.default_rng(0)
    mask = numbers.integers(0, 4, (9, 5)).astype(dtype)
    mask[2, 3] = 255
    confidence = numbers.random((9, 5), np.float32)
    pixels = pixels_by_value(mask, count=5)
    means = mean_confidence_by_value(mask, confidence, pixels)
    assert pixels.shape == means.shape == (256,)
    for value in range(256):
        found = confidence[mask == value]
        assert pixels[value] == found.size
        assert means[value] == pytest.approx(found.mean() if found.size else 0, abs=1e-6)


def test_more_labels_than_a_byte_tells() -> None:
    mask = np.array([[0, 300, 300]], np.uint16)
    assert pixels_by_value(mask, count=302).tolist() == [1, *[0] * 299, 2, 0]
