"""Presence F1 against scikit-learn and literal loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from freeseg.evaluation.metrics.presence import f1, pooled_presence, presence_counts


def presence_f1(shown, there):
    """The number of all photos, each once."""
    return pooled_presence(shown, there)(np.ones(len(shown), np.int64))


labels_of_photos = st.lists(st.tuples(*[st.sets(st.integers(0, 4))] * 2), min_size=1, max_size=6)


class TestPresence:
    @settings(max_examples=50, deadline=None)
    @given(labels_of_photos)
    def test_equals_sklearn(self, photos):
        shown, there = zip(*photos, strict=True)
        tables = [np.array([[label in photo for label in range(5)] for photo in side]) for side in (there, shown)]
        expected = f1_score(*tables, average="micro", zero_division=np.nan)
        assert presence_f1(shown, there) == pytest.approx(expected, nan_ok=True)

    @settings(max_examples=50, deadline=None)
    @given(labels_of_photos)
    def test_counts_equal_a_loop(self, photos):
        counts = presence_counts(*(list(map(sorted, side)) for side in zip(*photos, strict=True)))
        assert counts.tolist() == [[sum(x in b for x in a), len(a), len(b)] for a, b in photos]

    def test_is_the_harmonic_mean_of_precision_and_recall(self):
        precision, recall = 3 / 4, 3 / 6
        assert f1(3, 4, 6) == pytest.approx(2 / (1 / precision + 1 / recall))

    def test_nothing_shown_and_nothing_there(self):
        assert math.isnan(presence_f1([[], []], [[], []]))
        assert math.isnan(presence_f1([], []))
        assert presence_f1([[1]], [[]]) == presence_f1([[]], [[1]]) == 0

    def test_as_many_photos_on_both_sides(self):
        with pytest.raises(ValueError, match="zip"):
            presence_f1([[1]], [[1], [2]])
