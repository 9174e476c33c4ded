"""Classes, mix-ups and confidence, against literal loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from freeseg.evaluation.report.breakdown import (
    mixups,
    most_confused,
    per_class,
    reliability,
    row_shares,
    total_confusion,
)
from reports import CLASSES, Drawn, draw_report

squares = st.integers(1, 6).flatmap(lambda n: arrays.arrays(np.int64, (n, n + 1), elements=st.integers(0, 9)))


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_report(seed=5)


def test_the_matrix_counts_pixels(drawn: Drawn) -> None:
    matrix = total_confusion(drawn.report.records, len(CLASSES))
    for truth in range(len(CLASSES)):
        for shown in (*range(len(CLASSES)), 255):
            pairs = zip(drawn.truths, drawn.predictions, strict=True)
            pixels = sum(((t == truth) & (p == shown)).sum() for t, p in pairs)
            assert matrix[truth, shown if shown != 255 else -1] == pixels


def test_a_row_per_class_is_counted_pixel_by_pixel(drawn: Drawn) -> None:
    truth = np.concatenate([mask.ravel() for mask in drawn.truths])
    prediction = np.concatenate([mask.ravel() for mask in drawn.predictions])
    for label, row in enumerate(per_class(drawn.report.records, CLASSES)):
        true, said = truth == label, (prediction == label) & (truth != 255)
        both = (true & said).sum()
        bands = [band for record in drawn.report.records for band in record.counts["boundary"] if band[0] == label]
        assert row.name == CLASSES[label]
        assert row.iou == pytest.approx(100 * both / (true | said).sum())
        assert row.precision == pytest.approx(100 * both / said.sum())
        assert row.share == pytest.approx(100 * true.sum() / (truth != 255).sum())
        assert row.boundary_iou == pytest.approx(100 * sum(b for _, b, _ in bands) / sum(e for _, _, e in bands))
        assert row.photos == sum(label in mask for mask in drawn.truths)
        if label < len(CLASSES) - 1:
            assert row.accuracy == pytest.approx(100 * both / true.sum())
        else:  # the absent one
            assert math.isnan(row.accuracy)


def test_confidence_is_counted_by_bin(drawn: Drawn) -> None:
    entries = [entry for record in drawn.report.records for entry in record.counts["calibration"]]
    bins = reliability(drawn.report.records)
    assert [round(b.low * 15 / 100) for b in bins] == sorted({entry[0] for entry in entries})
    for found in bins:
        own = [entry for entry in entries if found.low == pytest.approx(100 * entry[0] / 15)]
        assert found.high == pytest.approx(found.low + 100 / 15)
        assert found.accuracy == pytest.approx(100 * sum(e[3] for e in own) / sum(e[1] for e in own))
        assert found.share == pytest.approx(100 * sum(e[1] for e in own) / sum(e[1] for e in entries))
    assert reliability([]) == []


@given(squares)
def test_rows_sum_to_100(matrix: np.ndarray) -> None:
    for row, shares in zip(matrix, row_shares(matrix), strict=True):
        assert np.allclose(shares, 100 * row / row.sum()) if row.any() else np.isnan(shares).all()


@given(squares, st.integers(1, 12), st.floats(0, 100))
def test_mixups_are_the_largest_mistakes(matrix: np.ndarray, count: int, least: float) -> None:
    names = [f"class {index}" for index in range(len(matrix))]
    mistakes = []
    for truth, shown in np.ndindex(len(matrix), len(matrix)):
        if truth != shown and matrix[truth, shown]:
            mistakes.append(100 * matrix[truth, shown] / matrix[truth].sum())
    found = mixups(matrix, names, count=count, least=least)
    expected = [share for share in sorted(mistakes, reverse=True)[:count] if share >= least]
    assert [each.share for each in found] == pytest.approx(expected)
    for each in found:
        truth, shown = names.index(each.truth), names.index(each.prediction)
        assert each.share == pytest.approx(100 * matrix[truth, shown] / matrix[truth].sum())


@given(squares, st.integers(2, 7))
def test_the_most_confused_classes_hold_the_largest_mixup(matrix: np.ndarray, count: int) -> None:
    names = [str(index) for index in range(len(matrix))]
    chosen = most_confused(matrix, count)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(count, len(matrix))
    for mixup in mixups(matrix, names, count=1, least=0):
        assert {int(mixup.truth), int(mixup.prediction)} <= set(chosen)


def test_classes_without_mistakes_fill_up() -> None:
    assert most_confused(np.eye(4, 5, dtype=np.int64), 3) == [0, 1, 2]
