"""Metrics against scikit-learn and literal loops."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from sklearn.metrics import accuracy_score, balanced_accuracy_score, jaccard_score

from freeseg.evaluation.metrics.confusion import (
    class_mean,
    confusion_matrix,
    frequency_weighted_iou,
    iou,
    matrix_of_cells,
    mean_class_accuracy,
    mean_iou,
    nonzero_cells,
    pixel_accuracy,
    share,
)
from freeseg.mask_values import IGNORE

CLASSES = 5


def masks(seed, ignore=True, shape=(7, 9), classes=CLASSES):
    """A prediction that is often right, and a truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, shape)
    prediction = np.where(random.random(shape) < 0.5, truth, random.integers(0, classes, shape))
    if ignore:
        truth[random.random(shape) < 0.2] = IGNORE
        prediction[random.random(shape) < 0.2] = IGNORE
    return prediction.astype(np.uint8), truth.astype(np.uint8)


seeds = st.integers(0, 2**31)


def counted_masks(seed, shape):
    """Masks of which at least one pixel counts."""
    prediction, truth = masks(seed, shape=shape)
    truth.flat[0] = 0
    return prediction, truth


class TestConfusion:
    @settings(max_examples=40, deadline=None)
    @given(seeds)
    def test_equals_sklearn(self, seed):
        prediction, truth = masks(seed)
        used = truth != IGNORE
        labels = [*range(CLASSES), IGNORE]
        expected = sklearn_metrics.confusion_matrix(truth[used], prediction[used], labels=labels)
        result = confusion_matrix(prediction, truth, CLASSES)
        assert result.dtype == np.int64
        np.testing.assert_array_equal(result, expected[:CLASSES])
        assert result.sum() == used.sum()

    @settings(max_examples=20, deadline=None)
    @given(seeds)
    def test_photos_add_up(self, seed):
        (one, one_truth), (two, two_truth) = masks(seed), masks(seed + 1)
        together = confusion_matrix(np.concatenate([one, two]), np.concatenate([one_truth, two_truth]), CLASSES)
        assert np.array_equal(
            confusion_matrix(one, one_truth, CLASSES) + confusion_matrix(two, two_truth, CLASSES), together
        )

    def test_unknown_pixels_of_the_truth_do_not_count_whatever_was_predicted(self):
        truth = np.full(4, IGNORE)
        assert confusion_matrix(np.array([0, 1, 255, 77]), truth, 2).tolist() == [[0, 0, 0], [0, 0, 0]]

    def test_an_unsure_prediction_is_a_miss(self):
        assert confusion_matrix(np.array([255, 255, 0]), np.array([0, 1, 0]), 2).tolist() == [[1, 0, 1], [0, 0, 1]]

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
    def test_dtypes_do_not_overflow(self, dtype):
        both = np.full(1000, 200, dtype)
        assert confusion_matrix(both, both, 201)[200, 200] == 1000

    def test_nothing_to_count(self):
        assert confusion_matrix(np.zeros((0, 3), np.uint8), np.zeros((0, 3), np.uint8), 3).tolist() == [[0] * 4] * 3

    def test_shapes_must_agree(self):
        with pytest.raises(ValueError, match=r"\(2, 3\) and truth \(3, 2\) differ in shape"):
            confusion_matrix(np.zeros((2, 3), int), np.zeros((3, 2), int), 2)

    @pytest.mark.parametrize("index", [-1, 3, 4, 254, 256, 1000])
    @pytest.mark.parametrize("side", ["prediction", "truth"])
    def test_what_is_neither_class_nor_255_is_refused(self, side, index):
        fine, wrong = np.array([0, 1, 2, 255, 1]), np.array([0, 1, 2, 255, index])
        pair = (wrong, fine) if side == "prediction" else (fine, wrong)
        with pytest.raises(ValueError, match="neither a class, 0 to 2, nor 255"):
            confusion_matrix(*pair, 3)


class TestCells:
    @settings(max_examples=30, deadline=None)
    @given(seeds)
    def test_there_and_back(self, seed):
        predicted, true = masks(seed, shape=(3, 4))
        matrix = confusion_matrix(predicted, true, CLASSES)
        cells = nonzero_cells(matrix)
        assert all(pixels > 0 and matrix[truth, prediction] == pixels for truth, prediction, pixels in cells)
        assert sum(pixels for _, _, pixels in cells) == matrix.sum()
        assert np.array_equal(matrix_of_cells(cells, CLASSES), matrix)

    def test_cells_survive_json(self):
        assert [type(number) for number in nonzero_cells(np.eye(2, 3, dtype=np.int64))[0]] == [int, int, int]
        assert matrix_of_cells([[1, 2, 5]], 2).tolist() == [[0, 0, 0], [0, 0, 5]]

    def test_equal_cells_add_up_without_rounding(self):
        large = 2**53  # the next odd number is no float
        assert matrix_of_cells([(1, 0, large), (0, 0, 4), (1, 0, 1)], 2)[1, 0] == large + 1

    def test_no_cells(self):
        assert nonzero_cells(np.zeros((3, 4), np.int64)) == []
        assert matrix_of_cells([], 2).tolist() == [[0] * 3] * 2

    @pytest.mark.parametrize("cell", [(2, 0, 1), (0, 3, 1), (-1, 0, 1), (0, -1, 1)])
    def test_cells_outside_are_refused(self, cell):
        with pytest.raises(ValueError, match=rf"truth {cell[0]} with prediction {cell[1]} is none of 2 classes"):
            matrix_of_cells([(0, 0, 1), cell], 2)


class TestMeans:
    def test_share(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert share([3, 0, 1], [4, 0, 0]).tolist() == pytest.approx([0.75, math.nan, math.nan], nan_ok=True)
            assert math.isnan(share(0, 0))
            assert class_mean(np.array([math.nan, 1, 2])) == 1.5
            assert math.isnan(class_mean(np.full(3, math.nan)))


class TestIou:
    @settings(max_examples=40, deadline=None)
    @given(seeds, st.sampled_from([(7, 9), (2, 2)]))
    def test_equals_sklearn(self, seed, shape):
        prediction, truth = counted_masks(seed, shape)
        used = truth != IGNORE
        there = np.isin(range(CLASSES), [truth[used], prediction[used]])
        scores = jaccard_score(truth[used], prediction[used], labels=range(CLASSES), average=None, zero_division=0)
        expected = np.where(there, scores, np.nan)
        matrix = confusion_matrix(prediction, truth, CLASSES)
        np.testing.assert_allclose(iou(matrix), expected)
        assert mean_iou(matrix) == pytest.approx(np.nanmean(expected))

    @settings(max_examples=20, deadline=None)
    @given(seeds)
    def test_equals_a_loop_over_pixels(self, seed):
        prediction, truth = masks(seed, shape=(4, 5))
        pixels = [(p, t) for p, t in zip(prediction.flat, truth.flat, strict=True) if t != IGNORE]
        for label, value in enumerate(iou(confusion_matrix(prediction, truth, CLASSES))):
            both = sum(p == t == label for p, t in pixels)
            either = sum(label in (p, t) for p, t in pixels)
            assert value == pytest.approx(both / either if either else np.nan, nan_ok=True)

    def test_a_class_that_never_occurs_is_left_out_without_a_warning(self):
        matrix = confusion_matrix(np.array([0, 0, 1]), np.array([0, 0, 0]), 4)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert iou(matrix).tolist() == pytest.approx([2 / 3, 0, np.nan, np.nan], nan_ok=True)
            assert mean_iou(matrix) == pytest.approx(1 / 3)

    def test_a_class_only_predicted_counts_as_zero(self):
        assert mean_iou(confusion_matrix(np.array([0, 1]), np.array([0, 0]), 2)) == pytest.approx(0.25)

    def test_one_matrix_for_the_set_is_no_mean_over_photos(self):
        small = confusion_matrix(np.array([1]), np.array([0]), 2)
        large = confusion_matrix(np.zeros(99, int), np.zeros(99, int), 2)
        assert mean_iou(small + large) == pytest.approx(0.99 / 2)

    def test_unsure_pixels_lower_the_iou(self):
        assert iou(confusion_matrix(np.array([0, 0, 255, 255]), np.zeros(4, int), 1)).tolist() == [0.5]

    def test_perfect_and_hopeless(self):
        _, truth = masks(0, ignore=False)
        assert mean_iou(confusion_matrix(truth, truth, CLASSES)) == 1
        assert mean_iou(confusion_matrix((truth + 1) % CLASSES, truth, CLASSES)) == 0


class TestAccuracies:
    @settings(max_examples=40, deadline=None)
    @given(seeds, st.sampled_from([(7, 9), (2, 2)]))
    def test_equal_sklearn(self, seed, shape):
        prediction, truth = counted_masks(seed, shape)
        pixels = truth[truth != IGNORE], prediction[truth != IGNORE]
        matrix = confusion_matrix(prediction, truth, CLASSES)
        assert pixel_accuracy(matrix) == pytest.approx(accuracy_score(*pixels))
        weighted = jaccard_score(*pixels, labels=range(CLASSES), average="weighted", zero_division=0)
        assert frequency_weighted_iou(matrix) == pytest.approx(weighted)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
            assert mean_class_accuracy(matrix) == pytest.approx(balanced_accuracy_score(*pixels))

    @settings(max_examples=30, deadline=None)
    @given(seeds)
    def test_equal_loops_over_pixels(self, seed):
        prediction, truth = masks(seed, shape=(4, 5))
        truth.flat[0] = 0
        pixels = [(p, t) for p, t in zip(prediction.flat, truth.flat, strict=True) if t != IGNORE]
        accuracies, weighted = [], 0.0
        for label in {t for _, t in pixels}:
            there = [p for p, t in pixels if t == label]
            accuracies.append(there.count(label) / len(there))
            union = sum(label in pair for pair in pixels)
            weighted += len(there) / len(pixels) * there.count(label) / union
        matrix = confusion_matrix(prediction, truth, CLASSES)
        assert pixel_accuracy(matrix) == pytest.approx(sum(p == t for p, t in pixels) / len(pixels))
        assert mean_class_accuracy(matrix) == pytest.approx(sum(accuracies) / len(accuracies))
        assert frequency_weighted_iou(matrix) == pytest.approx(weighted)

    def test_a_class_only_predicted_does_not_count_for_mean_class_accuracy(self):
        assert mean_class_accuracy(confusion_matrix(np.array([0, 1]), np.array([0, 0]), 2)) == 0.5

    def test_an_unsure_pixel_is_a_miss(self):
        matrix = confusion_matrix(np.array([0, 255]), np.array([0, 0]), 1)
        assert pixel_accuracy(matrix) == mean_class_accuracy(matrix) == frequency_weighted_iou(matrix) == 0.5

    def test_nothing_to_count_gives_no_number_and_no_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for metric in (mean_iou, pixel_accuracy, mean_class_accuracy, frequency_weighted_iou):
                assert math.isnan(metric(np.zeros((3, 4), np.int64)))
