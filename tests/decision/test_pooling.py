"""Poolings against literal formulas, and the properties that make smoothed min pooling what it is."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.decision.pooling import (
    EPSILON,
    POOLINGS,
    masked_max,
    maximum,
    mean,
    minimum,
    smooth_patches,
    smoothed_min,
    softmax,
)

values = st.lists(st.floats(-5, 5), min_size=1, max_size=8)
taus = st.floats(0.05, 50)


@st.composite
def weighted(draw):
    """Values and their weights, as lists and as tensors."""
    x = draw(values)
    w = draw(st.lists(st.floats(0.01, 1), min_size=len(x), max_size=len(x)))
    return x, w, *(torch.tensor(each, dtype=torch.float64) for each in (x, w))


def some(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(seed, *shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.01


def literal(x, w, tau):
    return -tau * math.log(sum(wi * math.exp(-xi / tau) for xi, wi in zip(x, w, strict=True)) / sum(w))


class TestSmoothedMin:
    @settings(max_examples=100, deadline=None)
    @given(weighted(), taus)
    def test_is_the_formula(self, pair, tau):
        x, w, tensor, weight = pair
        assert smoothed_min(tensor, weight, tau).item() == pytest.approx(literal(x, w, tau), abs=1e-9)
        assert smoothed_min(tensor, None, tau).item() == pytest.approx(literal(x, [1] * len(x), tau), abs=1e-9)

    def test_pools_the_last_axis_with_one_attention_for_all_channels(self):
        x, weight = some(0, 2, 3, 5), weights(1, 2, 1, 5)
        pooled = smoothed_min(x, weight, 0.3)
        assert pooled.shape == (2, 3)
        for b, c in np.ndindex(2, 3):
            assert pooled[b, c].item() == pytest.approx(literal(x[b, c].tolist(), weight[b, 0].tolist(), 0.3))

    def test_single_precision(self):
        x, weight = some(0, 2, 3, 50), weights(1, 2, 1, 50)
        single = smoothed_min(x.float(), weight.float(), 0.5)
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), smoothed_min(x, weight, 0.5), atol=1e-5, rtol=0)

    @pytest.mark.parametrize("weighted", [True, False])
    def test_limits_are_the_minimum_and_the_weighted_mean(self, weighted):
        x, weight = some(0, 4, 6), weights(1, 4, 6) if weighted else None
        torch.testing.assert_close(smoothed_min(x, weight, 1e-6), x.amin(-1), atol=1e-4, rtol=0)
        torch.testing.assert_close(smoothed_min(x, weight, 1e6), mean(x, weight), atol=1e-4, rtol=0)

    @settings(max_examples=60, deadline=None)
    @given(values, taus, taus, st.integers(0, 1000))
    def test_lies_between_minimum_and_weighted_mean_and_grows_with_tau(self, x, tau, other, seed):
        x, w = torch.tensor(x, dtype=torch.float64), weights(seed, len(x))
        pooled = smoothed_min(x, w, tau)
        assert x.min() - 1e-9 <= pooled <= mean(x, w) + 1e-9
        cold, hot = sorted((tau, other))
        assert smoothed_min(x, w, cold) <= smoothed_min(x, w, hot) + 1e-9

    @settings(max_examples=40, deadline=None)
    @given(values, taus, st.integers(0, 1000), st.floats(0.01, 3))
    def test_is_monotone_and_moves_along_with_a_shift(self, x, tau, seed, more):
        x, w = torch.tensor(x, dtype=torch.float64), weights(seed, len(x))
        pooled = smoothed_min(x, w, tau)
        better = x.clone()
        better[seed % len(x)] += more
        assert smoothed_min(better, w, tau) >= pooled
        torch.testing.assert_close(smoothed_min(x + more, w, tau), pooled + more)

    @settings(max_examples=30, deadline=None)
    @given(values, taus, st.floats(1e-2, 1e3))
    def test_only_the_proportions_of_the_weights_matter(self, x, tau, scale):
        x, w = torch.tensor(x, dtype=torch.float64), weights(0, len(x))
        torch.testing.assert_close(smoothed_min(x, scale * w, tau), smoothed_min(x, w, tau))

    def test_a_weight_of_two_counts_like_two_patches(self):
        x = torch.tensor([0.2, 0.9, -0.4])
        doubled = smoothed_min(x[[0, 1, 1, 2]], None, 0.3)
        torch.testing.assert_close(smoothed_min(x, torch.tensor([0.5, 1.0, 0.5]), 0.3), doubled)

    def test_gradient_is_a_softmax_that_favours_the_worst_patch(self):
        x, w = torch.tensor([0.3, -0.2, 0.9, 0.1], requires_grad=True), torch.tensor([1.0, 0.5, 1.0, 0.7])
        smoothed_min(x, w, 0.2).backward()
        expected = w * torch.exp(-x.detach() / 0.2)
        torch.testing.assert_close(x.grad, expected / expected.sum())
        assert x.grad.argmax() == 1

    @pytest.mark.parametrize("weighted", [True, False])
    def test_gradcheck(self, weighted):
        x, w = some(0, 2, 3, 4).requires_grad_(), weights(1, 2, 1, 4).requires_grad_()
        if weighted:
            assert torch.autograd.gradcheck(lambda x, w: smoothed_min(x, w, 0.4), (x, w))
        else:
            assert torch.autograd.gradcheck(lambda x: smoothed_min(x, None, 0.4), (x,))

    @pytest.mark.parametrize("tau", [1e-3, 1.0, 1e3])
    @pytest.mark.parametrize("value", [0.0, -3.5, 1e4])
    def test_equal_patches_give_their_value(self, value, tau):
        x = torch.full((1, 7), value, dtype=torch.float64)
        assert smoothed_min(x, weights(0, 1, 7), tau).item() == pytest.approx(value)
        assert smoothed_min(x, None, tau).item() == pytest.approx(value)

    def test_patches_without_attention_hardly_matter(self):
        x = torch.tensor([0.5, 0.6, -1.0], dtype=torch.float64)
        foreground = smoothed_min(x[:2], None, 0.5)
        pooled = smoothed_min(x, torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64), 0.5)
        # A zero counts as EPSILON: it adds a share of about EPSILON * exp(distance / tau).
        assert abs(pooled - foreground) < 0.5 * EPSILON * math.exp(1.6 / 0.5)
        assert smoothed_min(x, None, 0.5) < foreground - 0.5

    def test_no_attention_anywhere_is_attention_everywhere(self):
        x = some(0, 1, 5)
        torch.testing.assert_close(smoothed_min(x, torch.zeros(1, 5).double(), 0.5), smoothed_min(x, None, 0.5))

    @pytest.mark.parametrize("size", [1e-30, 1e4, 1e30])
    def test_huge_and_tiny_values_do_not_overflow(self, size):
        x = torch.tensor([[-size, 0.0, size]])
        for pooled in (smoothed_min(x, None, 0.01), smoothed_min(x, torch.ones(1, 3), 0.01)):
            assert pooled.item() == pytest.approx(-size, rel=1e-5, abs=1e-6)

    @pytest.mark.parametrize("tau", [0.0, -1.0, math.nan])
    def test_tau_must_be_positive(self, tau):
        with pytest.raises(ValueError, match="must be above 0"):
            smoothed_min(torch.zeros(1, 2), None, tau)


class TestSoftmax:
    @settings(max_examples=60, deadline=None)
    @given(weighted(), taus)
    def test_is_the_formula(self, pair, tau):
        x, w, tensor, weight = pair
        for given_weight, used in ((weight, w), (None, [1] * len(x))):
            a = [wi * math.exp((xi - max(x)) / tau) for xi, wi in zip(x, used, strict=True)]
            expected = sum(ai * xi for ai, xi in zip(a, x, strict=True)) / sum(a)
            assert softmax(tensor, given_weight, tau).item() == pytest.approx(expected, abs=1e-9)

    def test_limits_are_the_maximum_and_the_mean(self):
        x = some(0, 4, 6)
        torch.testing.assert_close(softmax(x, None, 1e-6), x.amax(-1))
        torch.testing.assert_close(softmax(x, None, 1e6), x.mean(-1), atol=1e-4, rtol=0)

    def test_gradient(self):
        x, w = some(0, 2, 3, 4).requires_grad_(), weights(1, 2, 1, 4).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, w: softmax(x, w, 0.4), (x, w))

    @pytest.mark.parametrize("tau", [0.0, -1.0, math.nan])
    def test_tau_must_be_positive(self, tau):
        with pytest.raises(ValueError, match="must be above 0"):
            softmax(torch.zeros(1, 2), None, tau)


class TestFixedPoolings:
    def test_equal_loops(self):
        x, weight = some(0, 2, 3, 6), weights(1, 2, 1, 6)
        for b, c in np.ndindex(2, 3):
            own, w = x[b, c].tolist(), weight[b, 0].tolist()
            foreground = [xi for xi, wi in zip(own, w, strict=True) if wi >= sum(w) / 6]
            assert 0 < len(foreground) < 6
            assert masked_max(x, weight)[b, c].item() == max(foreground)
            assert minimum(x, weight)[b, c].item() == min(foreground)
            assert maximum(x, weight)[b, c].item() == max(own)
            weighted = sum(xi * wi for xi, wi in zip(own, w, strict=True)) / sum(w)
            assert mean(x, weight)[b, c].item() == pytest.approx(weighted)

    def test_without_attention_all_patches_count(self):
        x = some(0, 2, 3, 6)
        assert torch.equal(masked_max(x), x.amax(-1))
        assert torch.equal(minimum(x), x.amin(-1))
        torch.testing.assert_close(mean(x), x.mean(-1))

    @pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 0.7, 0.9, 1.0])
    def test_equal_attention_leaves_some_foreground(self, value):
        """The mean of equal numbers can be rounded to just above them."""
        for patches in (1, 3, 6, 7, 49, 64, 100, 1000):
            x, weight = torch.rand(1, 2, patches), torch.full((1, 1, patches), value)
            assert torch.equal(masked_max(x, weight), x.amax(-1))
            assert torch.equal(minimum(x, weight), x.amin(-1))
            both = torch.cat([weight, torch.zeros_like(weight)])  # each image has a foreground of its own
            assert torch.equal(masked_max(x.expand(2, -1, -1), both), x.amax(-1).expand(2, -1))

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=70))
    def test_no_attention_leaves_an_empty_foreground(self, weight):
        x = torch.arange(float(len(weight)))
        assert masked_max(x, torch.tensor(weight)) in x
        assert minimum(x, torch.tensor(weight)) in x

    def test_mean_of_no_attention_is_finite(self):
        assert mean(torch.ones(1, 3), torch.zeros(1, 3)).isfinite().all()


@pytest.mark.parametrize("name", POOLINGS)
def test_the_temperature_is_one_by_default(name):
    pooling: Any = POOLINGS[name]
    x, weight = some(0, 2, 3, 5), some(1, 2, 1, 5).abs()
    assert torch.equal(pooling(x, weight), pooling(x, weight, 1.0))


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("weight", [None, torch.rand(2, 1, 5)], ids=["plain", "attention"])
def test_all_poolings_take_the_same_and_give_the_same_shape(name, weight):
    x = torch.randn(2, 3, 5, requires_grad=True)
    pooled = POOLINGS[name](x, weight, 0.5)
    assert pooled.shape == (2, 3)
    assert (pooled <= x.amax(-1) + 1e-6).all()
    assert (pooled >= x.amin(-1) - 1e-6).all()
    pooled.sum().backward()
    assert x.grad.sum(-1).flatten().tolist() == pytest.approx([1] * 6, abs=1e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(4, 6), (1, 5), (2, 2)])
def test_smoothing_averages_over_the_neighbours_that_exist(kernel, size):
    x = torch.randn(2, 3, *size)
    smooth = smooth_patches(x, kernel)
    assert smooth.shape == x.shape
    reach = kernel // 2
    for row, column in np.ndindex(size):
        near = x[:, :, max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        torch.testing.assert_close(smooth[:, :, row, column], near.mean(dim=(2, 3)))
