"""Free attention against a literal loop."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.decision.attention import energy


def test_equals_a_loop():
    features = torch.rand(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    result = energy(features)
    assert result.shape == (2, 1, 3, 4)
    for b in range(2):
        norm = {
            (y, x): math.sqrt(sum(value * value for value in features[b, :, y, x].tolist()))
            for y, x in np.ndindex(3, 4)
        }
        low, high = min(norm.values()), max(norm.values())
        for (y, x), own in norm.items():
            assert result[b, 0, y, x].item() == pytest.approx((own - low) / (high - low), abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 100))
def test_fills_the_range_and_ignores_scale(seed, scale):
    features = torch.rand(2, 4, 3, 3, generator=torch.Generator().manual_seed(seed))
    result = energy(features)
    assert result.amin(dim=(1, 2, 3)).tolist() == [0, 0]
    assert result.amax(dim=(1, 2, 3)).tolist() == [1, 1]
    torch.testing.assert_close(energy(scale * features), result, atol=1e-4, rtol=0)


def test_images_do_not_see_each_other():
    features = torch.rand(2, 4, 3, 3)
    alone = energy(features[:1])
    features[1] *= 1000
    assert torch.equal(energy(features)[:1], alone)


@pytest.mark.parametrize("value", [0.0, 0.7, 6.0])
@pytest.mark.parametrize("size", [(1, 1), (3, 4)])
def test_a_constant_map_is_foreground_everywhere(value, size):
    assert torch.equal(energy(torch.full((1, 4, *size), value)), torch.ones(1, 1, *size))


def test_the_patch_that_fires_most_gets_the_most():
    features = torch.zeros(1, 8, 4, 4)
    features[0, :3, 1:3, 2] = 2.0
    features[0, 0, 2, 2] = 5.0
    attention = energy(features)[0, 0]
    assert attention.argmax().item() == 2 * 4 + 2
    assert (attention > 0).nonzero().tolist() == [[1, 2], [2, 2]]
