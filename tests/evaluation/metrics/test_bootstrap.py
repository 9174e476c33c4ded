"""The bootstrap against scipy's, and pooled sums against photos that are really copied."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from freeseg.evaluation.metrics.bootstrap import Interval, draws, interval, intervals, paired
from freeseg.evaluation.metrics.boundary import boundary_iou, pooled_boundary
from freeseg.evaluation.metrics.calibration import bin_confidence, expected_calibration_error, pooled_calibration
from freeseg.evaluation.metrics.confusion import (
    confusion_matrix,
    matrix_of_cells,
    mean_iou,
    nonzero_cells,
    pooled_confusion,
)
from freeseg.evaluation.metrics.contrast import pooled_contrast
from freeseg.evaluation.metrics.presence import f1, pooled_presence, presence_counts

CLASSES, SHAPE = 4, (6, 5)
CHANCE = 0.3  # 5 times how far the 2.5 % quantiles of two times 4,000 draws lie apart, in standard errors of a mean
seeds = st.integers(0, 2**31)


class Photos:
    """Photos whose every pixel is kept, so that a draw can copy them."""

    def __init__(self, seed, count=6):
        random = np.random.default_rng(seed)
        self.truth = random.integers(0, CLASSES, (count, *SHAPE))
        self.truth[random.random(self.truth.shape) < 0.1] = 255
        self.prediction = np.where(random.random(self.truth.shape) < 0.5, self.truth, 1)
        self.confidence = random.random(self.truth.shape)
        self.right = random.random(self.truth.shape) < 0.5
        self.terms = [dict(enumerate(random.normal(0, 40, random.integers(0, 4)))) for _ in range(count)]
        self.bands = [[(c, n, n + 3) for c, n in enumerate(random.integers(0, 9, 2).tolist())] for _ in range(count)]
        self.shown, self.there = ([np.flatnonzero(random.random(5) < 0.5) for _ in range(count)] for _ in range(2))
        self.weights = np.bincount(random.integers(count, size=count), minlength=count)
        self.drawn = np.repeat(np.arange(count), self.weights).tolist()  # each photo as often as it was drawn


class TestInterval:
    @pytest.mark.parametrize("seed", range(4))
    def test_of_a_mean_equals_scipys(self, seed):
        heights = np.random.default_rng(seed).gamma(1.0, 10.0, 40)  # skewed, so that the sides differ
        result = interval(lambda weights: weights @ heights / 40, 40, rounds=4000)
        theirs = stats.bootstrap((heights,), np.mean, n_resamples=4000, method="percentile", rng=seed)
        assert result.value == pytest.approx(heights.mean())
        assert result[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=CHANCE * theirs.standard_error)

    def test_of_a_ratio_equals_scipys(self):
        random = np.random.default_rng(1)
        whole = random.integers(1, 100, 60)
        part = random.binomial(whole, 0.3)
        result = interval(lambda weights: weights @ part / (weights @ whole), 60, rounds=4000)
        theirs = stats.bootstrap(
            (part, whole),
            lambda a, b: a.sum() / b.sum(),
            paired=True,
            vectorized=False,
            n_resamples=4000,
            method="percentile",
            rng=2,
        )
        assert result[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=CHANCE * theirs.standard_error)

    def test_is_the_middle_95_percent_of_the_draws(self):
        heights = np.arange(12.0) ** 2
        means = sorted(weights @ heights / 12 for weights in draws(12, seed=7, rounds=201))
        result = interval(lambda weights: weights @ heights / 12, 12, seed=7, rounds=201)
        assert result == pytest.approx((heights.mean(), means[5], means[195]))  # 5 below, 5 above

    def test_holds_the_truth_about_95_times_of_100(self):
        random = np.random.default_rng(0)
        samples = random.normal(3.0, 1.0, (200, 50))
        results = [interval(lambda w, x=x: w @ x / 50, 50, seed=i, rounds=200) for i, x in enumerate(samples)]
        assert 0.89 <= np.mean([low <= 3.0 <= high for _, low, high in results]) <= 0.99

    def test_equal_seeds_give_equal_intervals(self):
        heights = np.random.default_rng(0).random(30)
        first, again, other = (interval(lambda w: w @ heights, 30, seed=seed, rounds=50) for seed in (1, 1, 2))
        assert first == again != other

    def test_several_numbers_from_the_same_draws(self):
        a, b = np.random.default_rng(0).random((2, 30))
        both = intervals(lambda weights: [weights @ a, weights @ b], 30, seed=4, rounds=50)
        alone = [interval(lambda w, x=x: w @ x, 30, seed=4, rounds=50) for x in (a, b)]
        np.testing.assert_allclose(both, alone)
        assert all(isinstance(result, Interval) for result in both)

    def test_one_photo_is_certain(self):
        assert interval(lambda weights: weights[0] * 0.5, 1) == (0.5, 0.5, 0.5)

    def test_draws_without_a_number_do_not_count(self):
        """The rare class: one photo of three shows it, and has 0.25."""
        values = [0.25 if weights[1] else math.nan for weights in draws(3, rounds=100)]
        assert 0 < sum(map(math.isnan, values)) < 100
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert interval(lambda weights: 0.25 if weights[1] else math.nan, 3, rounds=100) == (0.25, 0.25, 0.25)

    def test_no_number_at_all(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sure, never = intervals(lambda weights: [1.0, math.nan], 3, rounds=10)
        assert sure == (1, 1, 1)
        assert all(map(math.isnan, never))

    def test_no_photos(self):
        with pytest.raises(ValueError, match="no photos to draw from"):
            interval(lambda weights: 1.0, 0)


class TestDraws:
    def test_are_as_many_photos_as_there_are(self):
        drawn = list(draws(7, rounds=300))
        assert len(drawn) == 300
        assert all(weights.shape == (7,) and weights.sum() == 7 and weights.min() >= 0 for weights in drawn)

    def test_favour_no_photo(self):
        """Each weight is Binomial(50, 1/50): mean 1, variance 0.98."""
        drawn = np.array(list(draws(50, seed=3, rounds=2000)))
        np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=0.11)  # 5 standard errors
        assert drawn.var() == pytest.approx(0.98, rel=0.03)


class TestPaired:
    def test_is_the_interval_of_the_differences_photo_by_photo(self):
        """For means, the paired bootstrap is the bootstrap of one list of differences."""
        first = np.random.default_rng(0).random(40)
        second = first + np.random.default_rng(1).normal(0.05, 0.02, 40)
        result = paired(lambda w: w @ first / 40, lambda w: w @ second / 40, 40, rounds=4000)
        theirs = stats.bootstrap((second - first,), np.mean, n_resamples=4000, method="percentile", rng=3)
        assert result.value == pytest.approx((second - first).mean())
        assert result[1:] == pytest.approx(tuple(theirs.confidence_interval), abs=CHANCE * theirs.standard_error)

    def test_sees_what_two_intervals_cannot(self):
        first = np.linspace(0, 100, 30)
        second = first + np.linspace(0.5, 1.5, 30)
        alone = interval(lambda w: w @ first / 30, 30, rounds=200)
        result = paired(lambda w: w @ first / 30, lambda w: w @ second / 30, 30, rounds=200)
        assert 0.5 < result.low < 1 < result.high < 1.5
        assert alone.low < alone.value + result.low < alone.high

    def test_sign_and_zero(self):
        heights = np.random.default_rng(0).random(9)
        assert paired(lambda w: w @ heights, lambda w: w @ heights, 9, rounds=20) == (0, 0, 0)
        by_seed = [paired(lambda w: 0.0, lambda w: w @ heights, 9, seed=seed, rounds=20) for seed in (0, 1)]
        assert by_seed[0] != by_seed[1]
        assert by_seed == [interval(lambda w: w @ heights, 9, seed=seed, rounds=20) for seed in (0, 1)]
        assert by_seed[0] == paired(lambda w: 0.0, lambda w: w @ heights, 9, rounds=20)
        assert by_seed[0] != paired(lambda w: 0.0, lambda w: w @ heights, 9)
        assert paired(lambda w: 1.0, lambda w: 3.0, 9, rounds=20) == (2, 2, 2)


class TestPooled:
    """Every sum under weights equals the same thing measured on copies of the photos."""

    @settings(max_examples=30, deadline=None)
    @given(seeds)
    def test_confusion(self, seed):
        photos = Photos(seed)
        matrices = [confusion_matrix(p, t, CLASSES) for p, t in zip(photos.prediction, photos.truth, strict=True)]
        pool = pooled_confusion([nonzero_cells(matrix) for matrix in matrices], CLASSES)
        copied = confusion_matrix(photos.prediction[photos.drawn], photos.truth[photos.drawn], CLASSES)
        assert np.array_equal(pool(photos.weights), copied)
        assert np.array_equal(pool(np.ones(len(matrices), np.int64)), sum(matrices))
        assert pool(photos.weights).dtype == np.int64
        assert mean_iou(pool(photos.weights)) == mean_iou(copied)

    @settings(max_examples=30, deadline=None)
    @given(seeds)
    def test_boundary(self, seed):
        photos = Photos(seed)
        totals = np.zeros((CLASSES, 2), int)
        for photo in photos.drawn:
            for label, both, either in photos.bands[photo]:
                totals[label] += both, either
        result = pooled_boundary(photos.bands, CLASSES)(photos.weights)
        np.testing.assert_allclose(result, boundary_iou(totals))
        assert np.isnan(result).tolist() == [False, False, True, True]

    @settings(max_examples=30, deadline=None)
    @given(seeds)
    def test_contrast(self, seed):
        photos = Photos(seed)
        terms = [term for photo in photos.drawn for term in photos.terms[photo].values()]
        expected = sum(terms) / len(terms) if terms else math.nan
        assert pooled_contrast(photos.terms)(photos.weights) == pytest.approx(expected, nan_ok=True)

    @settings(max_examples=30, deadline=None)
    @given(seeds)
    def test_presence(self, seed):
        photos = Photos(seed)
        drawn = ([side[photo] for photo in photos.drawn] for side in (photos.shown, photos.there))
        expected = f1(*presence_counts(*drawn).sum(axis=0).tolist())
        assert pooled_presence(photos.shown, photos.there)(photos.weights) == pytest.approx(expected, nan_ok=True)

    @settings(max_examples=30, deadline=None)
    @given(seeds)
    def test_calibration(self, seed):
        photos = Photos(seed)
        copied = expected_calibration_error(bin_confidence(photos.confidence[photos.drawn], photos.right[photos.drawn]))
        bins = [bin_confidence(c, r) for c, r in zip(photos.confidence, photos.right, strict=True)]
        assert pooled_calibration(bins)(photos.weights) == pytest.approx(copied)

    def test_photos_without_anything(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            weights = np.ones(2, np.int64)
            assert pooled_confusion([[], []], 2)(weights).tolist() == [[0] * 3] * 2
            assert np.isnan(pooled_boundary([[], []], 2)(weights)).all()
            assert math.isnan(pooled_contrast([{}, {}])(weights))
            assert math.isnan(pooled_presence([[], []], [[], []])(weights))
            assert math.isnan(pooled_calibration([[], []])(weights))

    def test_what_json_gives_back(self):
        assert pooled_confusion([[[0, 1, 5]]], 2)(np.array([1])).tolist() == [[0, 5, 0], [0, 0, 0]]
        assert pooled_boundary([[[1, 1, 2]]], 2)(np.array([3]))[1] == 0.5
        assert pooled_calibration([[[14, 2, 1.5, 2]]])(np.array([1])) == 0.25

    def test_what_lies_outside_is_refused(self):
        with pytest.raises(ValueError, match="none of 2 classes"):
            pooled_confusion([[(0, 3, 1)]], 2)
        for wrong in (2, -1):
            with pytest.raises(ValueError, match="index"):
                pooled_boundary([[(wrong, 1, 1)]], 2)
        with pytest.raises(ValueError, match="index"):
            pooled_calibration([[(15, 1, 1.0, 1)]])

    def test_pixels_of_large_sets_do_not_overflow(self):
        assert pooled_confusion([[(0, 0, 2**31)]] * 3, 1)(np.array([3, 0, 0]))[0, 0] == 3 * 2**31

    def test_memory_follows_what_was_counted_not_classes_squared(self):
        """5,000 photos x 171 classes would be 1.2 GB as dense matrices."""
        random = np.random.default_rng(0)
        numbers = random.integers(0, 171, (5000, 30, 3))
        cells = [list(map(tuple, photo)) for photo in numbers.tolist()]
        tracemalloc.start()
        matrix = pooled_confusion(cells, 171)(np.ones(5000, np.int64))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100e6
        assert np.array_equal(matrix, matrix_of_cells(numbers.reshape(-1, 3), 171))
