"""What each tally counts on one photo, worked out by hand, and how the counts of a draw of photos are pooled."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from freeseg.evaluation.metrics.boundary import BOUNDARY
from freeseg.evaluation.metrics.calibration import CALIBRATION
from freeseg.evaluation.metrics.confusion import CONFUSION, MEAN_IOU
from freeseg.evaluation.metrics.contrast import CONTRAST, MEAN_CONTRAST
from freeseg.evaluation.metrics.metric import PredictedPhoto, Prediction, pooled_metrics
from freeseg.evaluation.metrics.presence import PRESENCE
from freeseg.mask_values import IGNORE

TRUTH = np.array([[0, 1, 1, IGNORE], [0, 1, 2, 2]], np.uint8)
MASK = np.array([[0, 1, 0, 1], [1, 1, IGNORE, 2]], np.uint8)
CONFIDENCE = np.array([[0.9, 0.8, 0.7, 0.6], [0.5, 0.4, 0.3, 0.25]], np.float32)
MAPS = np.array(
    [[[0.1, 1.0, 0.8, 0.0], [0.0, 0.6, 0.2, 0.3]], [[0.0, 0.2, 0.1, 0.9], [0.3, 0.0, 0.8, 1.0]]], np.float32
)


@pytest.fixture
def photo() -> PredictedPhoto:
    """A photo of the background and two classes."""
    return PredictedPhoto(Prediction(MASK, CONFIDENCE, MAPS), TRUTH, classes=3, has_background=True)


def test_labels_in_a_mask(photo: PredictedPhoto) -> None:
    assert photo.labels_in(TRUTH) == [1, 2]
    assert photo._replace(has_background=False).labels_in(TRUTH) == [0, 1, 2]


def test_confusion(photo: PredictedPhoto) -> None:
    cells = CONFUSION.count(photo)["confusion"]
    assert cells == [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 2), (2, 2, 1), (2, 3, 1)]  # 3: not said


def test_calibration_counts_pixels_that_are_known_and_decided(photo: PredictedPhoto) -> None:
    bins = CALIBRATION.count(photo)["calibration"]
    known = [(0.9, True), (0.8, True), (0.7, False), (0.5, False), (0.4, True), (0.25, True)]
    sums = np.array([row[1:] for row in bins])
    assert sums[:, 0].sum() == len(known)
    assert sums.sum(axis=0) == pytest.approx(
        [len(known), sum(confidence for confidence, _ in known), sum(right for _, right in known)], abs=1e-5
    )


def test_contrast_is_the_mean_inside_less_that_outside(photo: PredictedPhoto) -> None:
    terms = CONTRAST.count(photo)["contrasts"]
    first = (1.0 + 0.8 + 0.6) / 3 - (0.1 + 0.0 + 0.2 + 0.3) / 4
    second = (0.8 + 1.0) / 2 - (0.0 + 0.2 + 0.1 + 0.3 + 0.0) / 5
    assert terms == pytest.approx({1: 100 * first, 2: 100 * second}, abs=1e-4)


def test_contrast_is_measured_at_the_photos_size(photo: PredictedPhoto) -> None:
    tall = np.repeat(TRUTH, 3, axis=0)
    terms = CONTRAST.count(photo._replace(truth=tall))["contrasts"]
    assert terms.keys() == {1, 2}
    assert all(term > 0 for term in terms.values())


@pytest.mark.parametrize("tally", [CONFUSION, CALIBRATION, CONTRAST, BOUNDARY, PRESENCE])
def test_counts_come_back_from_json(photo: PredictedPhoto, tally) -> None:
    counts = tally.count(photo)
    assert counts.keys() == tally.entries.keys()
    again = tally.parse(json.loads(json.dumps(counts)))
    assert json.dumps(again) == json.dumps(counts)


def test_counts_that_a_report_lacks(photo: PredictedPhoto) -> None:
    young = replace(CONFUSION, optional=True)
    assert young.parse({}) == {}
    assert young.parse({"confusion": [[0, 1, 2]]}) == {"confusion": [(0, 1, 2)]}
    with pytest.raises(KeyError):
        CONFUSION.parse({})
    numbers = pooled_metrics([MEAN_IOU, MEAN_CONTRAST], [CONFUSION.count(photo)], 3)(np.array([1]))
    assert np.isnan(numbers).tolist() == [False, True]


class TestDraws:
    # Class 0 is in the first photo only, class 1 in both, and class 2 is predicted and never true.
    CELLS = ([(0, 0, 1), (1, 1, 2)], [(1, 1, 3), (1, 2, 1)])

    def drawn(self, *weights: int):
        return CONFUSION.pool([{"confusion": cells} for cells in self.CELLS], 3)(np.array(weights))

    def test_a_class_that_was_not_drawn_is_unknown(self) -> None:
        assert self.drawn(1, 1).unknown.tolist() == [False, False, False]
        assert self.drawn(0, 2).unknown.tolist() == [True, False, False]
        assert self.drawn(2, 0).unknown.tolist() == [False, False, False]

    def test_it_does_not_count_in_the_mean(self) -> None:
        values = np.array([0.0, 0.5, 0.25])
        assert self.drawn(0, 1).known_mean(values) == pytest.approx(0.375)
        assert self.drawn(1, 1).known_mean(values) == pytest.approx(0.25)

    def test_the_matrix_counts_each_photo_as_often_as_it_was_drawn(self) -> None:
        assert self.drawn(1, 2).matrix[:, :3].tolist() == [[1, 0, 0], [0, 8, 2], [0, 0, 0]]
