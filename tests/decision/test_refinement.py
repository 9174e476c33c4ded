"""PAMR against a dense matrix written out from the paper's formula, and what must hold for any photo."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.decision.refinement import DILATIONS, EPSILON, SHARPNESS, affinity, pamr


def some(seed, *shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def dense(photo, dilations):
    """The weights as one (P, P) matrix, pixel by pixel, in float64."""
    _, height, width = photo.shape
    photo = photo.double().numpy()
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
    expected = maps.flatten(1).double().numpy()
    matrix = dense(photo, dilations)
    for _ in range(3):
        expected = expected @ matrix.T
    refined = pamr(maps, photo, steps=3, dilations=dilations)
    assert refined.shape == maps.shape
    np.testing.assert_allclose(refined.flatten(1).numpy(), expected, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9), st.integers(0, 4))
def test_values_stay_in_the_range_of_each_map(seed, height, width, steps):
    maps = some(seed, 3, height, width) * 10 - 5
    refined = pamr(maps, some(seed + 1, 3, height, width), steps)
    assert (refined.amin(dim=(1, 2)) >= maps.amin(dim=(1, 2)) - 1e-4).all()
    assert (refined.amax(dim=(1, 2)) <= maps.amax(dim=(1, 2)) + 1e-4).all()


def test_probabilities_stay_probabilities():
    maps = some(0, 4, 7, 9).softmax(dim=0)
    torch.testing.assert_close(pamr(maps, some(1, 3, 7, 9)).sum(dim=0), torch.ones(7, 9))


@pytest.mark.parametrize("photo", [torch.zeros(3, 6, 8), some(5, 3, 6, 8)], ids=["black", "noise"])
def test_constant_maps_stay(photo):
    maps = torch.tensor([0.25, -3.0, 0.0])[:, None, None].expand(3, 6, 8)
    torch.testing.assert_close(pamr(maps, photo), maps, atol=1e-5, rtol=1e-5)


def test_affinity_sums_to_one_and_favours_likeness():
    weights = affinity(some(0, 3, 6, 7))
    assert weights.shape == (8 * len(DILATIONS), 6, 7)
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(6, 7))
    assert (weights >= 0).all()

    photo = torch.full((3, 3, 3), 0.5)
    photo[:, 1, 2], photo[:, 2, 1] = 0.6, 0.9
    around = affinity(photo, dilations=(1,))[:, 1, 1]
    same, near, far = around[[0, 4, 6]].tolist()
    assert same > near > far


def test_no_steps_give_the_maps_back():
    maps = some(0, 2, 3, 4)
    assert torch.equal(pamr(maps, some(1, 3, 3, 4), steps=0), maps)


def test_the_input_is_left_alone():
    maps, photo = some(0, 2, 5, 5), some(1, 3, 5, 5)
    before = maps.clone(), photo.clone()
    pamr(maps, photo)
    assert torch.equal(maps, before[0])
    assert torch.equal(photo, before[1])


def test_labels_do_not_see_each_other():
    maps, photo = some(0, 5, 6, 7), some(1, 3, 6, 7)
    together = pamr(maps, photo)
    for label in range(5):
        torch.testing.assert_close(pamr(maps[label : label + 1], photo)[0], together[label])


@pytest.mark.parametrize("faint", [1.0, 0.1])
@pytest.mark.parametrize("flip", [False, True])
def test_a_blurred_map_snaps_to_the_edge(faint, flip):
    """The map says 1 at the left, 0 at the right, and blurs over 16 pixels; the photo has one sharp edge."""
    photo, maps = torch.full((3, 20, 32), 0.4), torch.ones(1, 20, 32)
    photo[:, :, 16:] += faint / 2
    maps[0, :, 8:24] = torch.linspace(1, 0, 16)
    maps[0, :, 24:] = 0
    if flip:
        photo, maps = photo.transpose(1, 2), maps.transpose(1, 2)
    refined = pamr(maps, photo)
    if flip:
        photo, maps, refined = photo.transpose(1, 2), maps.transpose(1, 2), refined.transpose(1, 2)
    step = (refined[0, :, 15] - refined[0, :, 16]).mean().item()
    assert (maps[0, :, 15] - maps[0, :, 16]).mean().item() == pytest.approx(1 / 15, abs=1e-4)
    assert step > 0.4  # six times steeper than it was
    truth = (torch.arange(32) < 16).float()
    assert (refined[0] - truth).abs().mean() < 0.75 * (maps[0] - truth).abs().mean()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="differ in size"):
        pamr(torch.zeros(1, 4, 5), torch.zeros(3, 5, 4))


def test_nothing_is_printed_to_the_user():
    """In a process of its own: torch warns only once in each."""
    code = "import torch\nfrom freeseg.decision.refinement import pamr\npamr(torch.rand(2, 4, 5), torch.rand(3, 4, 5))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
