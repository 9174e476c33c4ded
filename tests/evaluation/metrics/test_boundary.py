"""Boundary IoU against the literal definition: so many erosions by 3 x 3 pixels, class by class."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from freeseg.evaluation.metrics.boundary import boundary_counts, boundary_iou
from freeseg.mask_values import IGNORE

CLASSES = 4


def band(mask, width):
    """The pixels of a mask that `width` erosions take away, each erosion a loop over the eight neighbours."""
    eroded = np.pad(mask, 1)
    for _ in range(width):
        around = np.pad(eroded, 1)
        height, length = eroded.shape
        eroded = np.logical_and.reduce([around[y : y + height, x : x + length] for y, x in np.ndindex(3, 3)])
    return mask & ~eroded[1:-1, 1:-1]


def expected(prediction, truth, ratio):
    width = max(1, round(ratio * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2)))
    counted, rows = truth != IGNORE, []
    for label in range(CLASSES):
        bands = [band((mask == label) & counted, width) for mask in (prediction, truth)]
        if (bands[0] | bands[1]).any():
            rows.append((label, (bands[0] & bands[1]).sum(), (bands[0] | bands[1]).sum()))
    return rows


def blobs(seed, shape):
    """A prediction and a truth of a few regions each, with pixels that do not count in both."""
    random = np.random.default_rng(seed)
    seeds = random.integers(0, CLASSES, (max(1, shape[0] // 5), max(1, shape[1] // 5)))
    truth = np.kron(seeds, np.ones((5, 5), int))[: shape[0], : shape[1]]
    truth = np.pad(truth, [(0, side - part) for side, part in zip(shape, truth.shape, strict=True)], mode="edge")
    prediction = np.roll(truth, random.integers(-2, 3, 2), (0, 1))
    for mask in (prediction, truth):
        y, x = (random.integers(0, side) for side in shape)
        mask[y : y + 2, x : x + 3] = IGNORE
    return prediction.astype(np.uint8), truth.astype(np.uint8)


shapes = st.tuples(st.integers(1, 24), st.integers(1, 24))


class TestCounts:
    @settings(max_examples=120, deadline=None)
    @given(st.integers(0, 2**31), shapes, st.sampled_from([0.02, 0.05, 0.1, 0.3, 2.0]))
    def test_equal_iterated_erosions(self, seed, shape, ratio):
        prediction, truth = blobs(seed, shape)
        assert boundary_counts(prediction, truth, CLASSES, ratio) == expected(prediction, truth, ratio)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**31), st.integers(1, 5))
    def test_the_band_equals_that_of_scipy(self, seed, width):
        _, truth = blobs(seed, (20, 23))
        mask = np.where(truth == 1, 1, IGNORE)
        rows = boundary_counts(mask, np.where(truth == 1, 1, 0), 2, width / math.hypot(20, 23))
        square = np.ones((3, 3), bool)
        left = (mask == 1) & ~ndimage.binary_erosion(mask == 1, square, iterations=width)
        assert [row for row in rows if row[0] == 1] == ([(1, left.sum(), left.sum())] if left.any() else [])

    def test_noise_is_all_band(self):
        mask = np.indices((6, 7)).sum(0) % 2
        assert boundary_counts(mask, 1 - mask, 2) == [(0, 0, 42), (1, 0, 42)]

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**31))
    def test_a_prediction_that_is_right_wherever_it_counts_has_an_iou_of_one(self, seed):
        other, truth = blobs(seed, (20, 23))
        prediction = np.where(truth == IGNORE, other, truth)
        rows = boundary_counts(prediction, truth, CLASSES)
        assert rows
        assert all(both == either for _, both, either in rows)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**31))
    def test_what_is_predicted_where_nothing_counts_does_not_matter(self, seed):
        prediction, truth = blobs(seed, (20, 23))
        another = np.where(truth == IGNORE, 77, prediction)
        assert boundary_counts(another, truth, CLASSES) == boundary_counts(prediction, truth, CLASSES)

    def test_a_wide_band_is_the_whole_mask(self):
        prediction, truth = np.array([[0, 0, 0, 1]]), np.array([[0, 0, 1, 1]])
        assert boundary_counts(prediction, truth, 2, ratio=1.0) == [(0, 2, 3), (1, 1, 2)]

    def test_a_narrow_band_is_blind_to_the_inside(self):
        truth = np.zeros((100, 100), int)
        prediction = np.pad(np.zeros((98, 98), int), 1, constant_values=1)
        (rows,) = [row for row in boundary_counts(prediction, truth, 2, ratio=0.0001) if row[0] == 0]
        assert rows == (0, 0, 4 * 99 + 4 * 97)  # rings of one pixel, side by side

    def test_width_follows_the_diagonal(self):
        """300 x 400: a diagonal of 500, so 10 pixels each way."""
        whole = np.zeros((300, 400), np.uint8)
        ring = 300 * 400 - 280 * 380
        assert boundary_counts(whole, whole, 1) == [(0, ring, ring)]

    def test_an_unsure_prediction_has_no_band(self):
        assert boundary_counts(np.full((3, 3), IGNORE), np.zeros((3, 3), int), 1) == [(0, 0, 8)]

    def test_nothing_counts(self):
        assert boundary_counts(np.zeros((3, 3), int), np.full((3, 3), IGNORE), 1) == []

    def test_more_classes_than_a_byte_holds(self):
        mask = np.full((3, 3), 254, np.uint8)
        assert boundary_counts(mask, mask, 255) == boundary_counts(mask, mask, 300) == [(254, 8, 8)]

    def test_numbers_are_plain(self):
        rows = boundary_counts(np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint8), 1)
        assert [type(number) for number in rows[0]] == [int, int, int]

    def test_masks_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match="differ in shape"):
            boundary_counts(np.zeros((2, 3), int), np.zeros((3, 2), int), 2)
        with pytest.raises(ValueError, match="neither a class, 0 to 1, nor 255"):
            boundary_counts(np.full((2, 2), 2), np.zeros((2, 2), int), 2)


def test_iou_of_sums_over_photos():
    totals = np.array([[1, 4], [0, 0], [0, 3]]) + np.array([[2, 2], [0, 0], [0, 0]])
    assert boundary_iou(totals).tolist() == pytest.approx([0.5, math.nan, 0], nan_ok=True)
