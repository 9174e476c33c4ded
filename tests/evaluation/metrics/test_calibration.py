"""Calibration against scikit-learn's reliability curve and the formula of the paper."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.calibration import calibration_curve

from freeseg.evaluation.metrics.calibration import bin_confidence, expected_calibration_error

counts = st.integers(1, 20)


@st.composite
def answers(draw):
    """Confidences, many of them on the edge of a bin, and whether each answer is right."""
    bins = draw(counts)
    edges = st.integers(0, bins).map(lambda edge: edge / bins)
    shape = draw(hnp.array_shapes(max_dims=2, max_side=12))
    confidence = draw(hnp.arrays(np.float64, shape, elements=st.one_of(st.floats(0, 1), edges)))
    return confidence, draw(hnp.arrays(np.bool_, shape)), bins


class TestBins:
    @settings(max_examples=80, deadline=None)
    @given(answers())
    def test_equal_sklearns_reliability_curve(self, case):
        confidence, right, bins = case
        table = np.array(bin_confidence(confidence, right, bins))
        accuracy, mean = calibration_curve(right.ravel(), confidence.ravel(), n_bins=bins, pos_label=True)
        np.testing.assert_allclose(table[:, 3] / table[:, 1], accuracy)
        np.testing.assert_allclose(table[:, 2] / table[:, 1], mean)

    @settings(max_examples=80, deadline=None)
    @given(answers())
    def test_equal_a_loop(self, case):
        confidence, right, bins = case
        edges, rows = np.linspace(0, 1, bins + 1), []
        for index in range(bins):
            inside = (confidence > edges[index]) & (confidence <= edges[index + 1])
            inside |= (confidence == 0) & (index == 0)
            if inside.any():
                rows.append((index, inside.sum(), pytest.approx(confidence[inside].sum()), right[inside].sum()))
        assert bin_confidence(confidence, right, bins) == rows

    def test_single_precision_is_summed_in_double(self):
        confidence = np.full(300_000, 0.7, np.float32)
        ((index, pixels, total, right),) = bin_confidence(confidence, confidence > 0.5)
        assert (index, pixels, right) == (10, 300_000, 300_000)
        assert total == pytest.approx(300_000 * float(np.float32(0.7)), rel=1e-12)

    def test_numbers_are_plain(self):
        (row,) = bin_confidence(np.array([0.5], np.float32), np.array([True]))
        assert [type(number) for number in row] == [int, int, float, int]

    def test_no_pixels(self):
        assert bin_confidence(np.zeros(0), np.zeros(0, bool)) == []

    @pytest.mark.parametrize("wrong", [-0.01, 1.01, math.nan, math.inf])
    def test_what_is_no_probability_is_refused(self, wrong):
        with pytest.raises(ValueError, match=r"a confidence is not in \[0, 1\]"):
            bin_confidence(np.array([0.5, wrong]), np.array([True, True]))

    def test_shapes_must_agree(self):
        with pytest.raises(ValueError, match=r"confidence \(2,\) and right \(3,\) differ in shape"):
            bin_confidence(np.zeros(2), np.zeros(3, bool))


class TestExpectedError:
    @settings(max_examples=80, deadline=None)
    @given(answers())
    def test_equals_the_formula(self, case):
        """Sum over bins of n_b / n * |accuracy_b - confidence_b|, bins (lower, upper]."""
        confidence, right, bins = case
        edges, error = np.linspace(0, 1, bins + 1), 0.0
        for lower, upper in zip(np.where(edges == 0, -1, edges), edges[1:], strict=False):
            inside = (confidence > lower) & (confidence <= upper)
            if inside.any():
                error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        assert expected_calibration_error(bin_confidence(confidence, right, bins)) == pytest.approx(error, abs=1e-12)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**31))
    def test_photos_add_up(self, seed):
        random = np.random.default_rng(seed)
        confidence, right = random.random(50), random.random(50) < 0.5
        parts = [bin_confidence(c, r) for c, r in zip(confidence.reshape(5, 10), right.reshape(5, 10), strict=True)]
        together = expected_calibration_error(bin_confidence(confidence, right))
        assert expected_calibration_error([row for part in parts for row in part]) == pytest.approx(together)

    def test_the_extremes(self):
        sure = np.ones(4)
        assert expected_calibration_error(bin_confidence(sure, sure > 0)) == 0
        assert expected_calibration_error(bin_confidence(sure, sure < 0)) == 1

    def test_answers_that_are_right_as_often_as_they_say_have_a_small_error(self):
        random = np.random.default_rng(0)
        confidence = random.random(200_000)
        honest = random.random(200_000) < confidence
        assert expected_calibration_error(bin_confidence(confidence, honest)) < 0.01
        assert expected_calibration_error(bin_confidence(confidence, random.random(200_000) < confidence**2)) > 0.1

    def test_no_pixels(self):
        assert math.isnan(expected_calibration_error([]))
