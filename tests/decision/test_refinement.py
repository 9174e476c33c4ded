"""PAMR against a dense matrix written out from the paper's formula, and what must hold for any photo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.decision.maps import softmax
from freeseg.decision.refinement import DILATIONS, EPSILON, SHARPNESS, affinity, pamr


def some(seed, *shape):
    return np.random.default_rng(seed).random(shape, np.float32)


def dense(photo, dilations):
    """The weights as one (P, P) matrix, pixel by pixel, in float64."""
    _, height, width = photo.shape
    photo = photo.astype(np.float64)
    matrix = np.zeros((height * width, height * width))
    for y, x in np.ndindex(height, width):
        near = [
            (min(max(y + dy * d, 0), height - 1), min(max(x + dx * d, 0), width - 1))
            for d in dilations
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if dy or dx
        ]
        colours = np.array([photo[:, v, u] for v, u in near])  # (K, 3)
        deviation = colours.std(axis=0, ddof=1) + EPSILON
        difference = (np.abs(colours - photo[:, y, x]) / deviation).mean(axis=1)
        weight = np.exp(-SHARPNESS * difference)
        for (v, u), share in zip(near, weight / weight.sum(), strict=True):
            matrix[y * width + x, v * width + u] += share
    return matrix


@pytest.mark.parametrize("dilations", [(1,), (1, 2), DILATIONS])
@pytest.mark.parametrize("size", [(5, 6), (1, 7), (6, 1), (1, 1), (9, 4)])
def test_equals_a_dense_matrix(size, dilations):
    photo, maps = some(0, 3, *size), some(1, 4, *size)
    expected = maps.reshape(4, -1).astype(np.float64)
    matrix = dense(photo, dilations)
    for _ in range(3):
        expected = expected @ matrix.T
    refined = pamr(maps, photo, steps=3, dilations=dilations)
    assert refined.shape == maps.shape
    np.testing.assert_allclose(refined.reshape(4, -1), expected, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9), st.integers(0, 4))
def test_values_stay_in_the_range_of_each_map(seed, height, width, steps):
    maps = some(seed, 3, height, width) * 10 - 5
    refined = pamr(maps, some(seed + 1, 3, height, width), steps)
    assert (refined.min(axis=(1, 2)) >= maps.min(axis=(1, 2)) - 1e-4).all()
    assert (refined.max(axis=(1, 2)) <= maps.max(axis=(1, 2)) + 1e-4).all()


def test_probabilities_stay_probabilities():
    maps = softmax(some(0, 4, 7, 9))
    np.testing.assert_allclose(pamr(maps, some(1, 3, 7, 9)).sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("photo", [np.zeros((3, 6, 8), np.float32), some(5, 3, 6, 8)], ids=["black", "noise"])
def test_constant_maps_stay(photo):
    maps = np.broadcast_to(np.array([0.25, -3.0, 0.0], np.float32)[:, None, None], (3, 6, 8))
    np.testing.assert_allclose(pamr(maps, photo), maps, atol=1e-5, rtol=1e-5)


def test_affinity_sums_to_one_and_favours_likeness():
    weights = affinity(some(0, 3, 6, 7))
    assert weights.shape == (8 * len(DILATIONS), 6, 7)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-5)
    assert (weights >= 0).all()

    photo = np.full((3, 3, 3), 0.5, np.float32)
    photo[:, 1, 2], photo[:, 2, 1] = 0.6, 0.9
    around = affinity(photo, dilations=(1,))[:, 1, 1]
    same, near, far = around[[0, 4, 6]].tolist()
    assert same > near > far


def test_no_steps_give_the_maps_back():
    maps = some(0, 2, 3, 4)
    assert np.array_equal(pamr(maps, some(1, 3, 3, 4), steps=0), maps)


def test_steps_follow_one_another_ten_by_default():
    maps, photo = some(0, 2, 6, 7), some(1, 3, 6, 7)
    stepped = maps
    for _ in range(10):
        before, stepped = stepped, pamr(stepped, photo, steps=1)
        assert not np.allclose(stepped, before, atol=1e-7)
    np.testing.assert_allclose(pamr(maps, photo), stepped, atol=1e-6)
    assert pamr(maps, photo).dtype == np.float32


def test_the_input_is_left_alone():
    maps, photo = some(0, 2, 5, 5), some(1, 3, 5, 5)
    before = maps.copy(), photo.copy()
    pamr(maps, photo)
    assert np.array_equal(maps, before[0])
    assert np.array_equal(photo, before[1])


def test_labels_do_not_see_each_other():
    maps, photo = some(0, 5, 6, 7), some(1, 3, 6, 7)
    together = pamr(maps, photo)
    for label in range(5):
        np.testing.assert_allclose(pamr(maps[label : label + 1], photo)[0], together[label], atol=1e-6)


@pytest.mark.parametrize("faint", [1.0, 0.1])
@pytest.mark.parametrize("flip", [False, True])
def test_a_blurred_map_snaps_to_the_edge(faint, flip):
    """The map says 1 at the left, 0 at the right, and blurs over 16 pixels; the photo has one sharp edge."""
    photo, maps = np.full((3, 20, 32), 0.4, np.float32), np.ones((1, 20, 32), np.float32)
    photo[:, :, 16:] += faint / 2
    maps[0, :, 8:24] = np.linspace(1, 0, 16)
    maps[0, :, 24:] = 0
    if flip:
        photo, maps = photo.transpose(0, 2, 1), maps.transpose(0, 2, 1)
    refined = pamr(maps, photo)
    if flip:
        photo, maps, refined = photo.transpose(0, 2, 1), maps.transpose(0, 2, 1), refined.transpose(0, 2, 1)
    step = (refined[0, :, 15] - refined[0, :, 16]).mean()
    assert (maps[0, :, 15] - maps[0, :, 16]).mean() == pytest.approx(1 / 15, abs=1e-4)
    assert step > 0.4  # six times steeper than it was
    truth = np.arange(32) < 16
    assert np.abs(refined[0] - truth).mean() < 0.75 * np.abs(maps[0] - truth).mean()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="differ in size"):
        pamr(some(0, 1, 4, 5), some(0, 3, 5, 4))
