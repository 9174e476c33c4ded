"""The terms of mSC against a literal loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.evaluation.metrics.contrast import map_contrast
from freeseg.mask_values import IGNORE

CLASSES = 5
seeds = st.integers(0, 2**31)


class TestMapContrast:
    @settings(max_examples=25, deadline=None)
    @given(seeds)
    def test_equals_a_loop(self, seed):
        random = np.random.default_rng(seed)
        truth = random.choice([*range(CLASSES), IGNORE], (4, 5))
        maps = random.random((CLASSES, 4, 5))
        expected = {}
        for label in range(CLASSES):
            inside = [maps[label, y, x] for y, x in np.ndindex(4, 5) if truth[y, x] == label]
            outside = [maps[label, y, x] for y, x in np.ndindex(4, 5) if truth[y, x] not in (label, IGNORE)]
            if inside and outside:
                expected[label] = 100 * (np.mean(inside) - np.mean(outside))
        assert map_contrast(maps, truth) == pytest.approx(expected)

    def test_upside_down_maps_are_negative(self):
        truth = np.array([[0, 0, 1, 255]])
        right = np.array([[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 0.0]]])
        assert map_contrast(right, truth) == {0: 100, 1: 100}
        assert map_contrast(1 - right, truth) == {0: -100, 1: -100}

    def test_labels_that_are_absent_or_everywhere_give_no_term(self):
        assert map_contrast(np.ones((2, 1, 3)), np.array([[0, 0, 255]])) == {}
        assert map_contrast(np.ones((1, 1, 2)), np.array([[255, 255]])) == {}

    def test_indices_beyond_the_maps_are_only_outside(self):
        assert map_contrast(np.array([[[0.8, 0.2]]]), np.array([[0, 20]])) == pytest.approx({0: 60})
        assert map_contrast(np.array([[[0.8, 0.2]]]), np.array([[0, -1]])) == pytest.approx({0: 60})

    def test_a_term_stands_under_its_label(self):
        maps = np.array([[[0.0, 0.0]], [[0.5, 0.25]], [[1.0, 0.0]]])
        assert map_contrast(maps, np.array([[2, 1]], np.uint8)) == {1: -25.0, 2: 100.0}
