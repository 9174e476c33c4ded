"""Similarity maps against literal loops, and the properties that hold for any patches and texts."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.decision.itsm import merge_aliases, pointwise, similarity

SEEDS = st.integers(0, 2**31)


def some(seed, *shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def cosine(a, b):
    a, b = a.double().tolist(), b.double().tolist()
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths


class TestSimilarity:
    def test_equals_a_loop_over_patches_and_labels(self):
        patches, texts = some(0, 2, 5, 3, 4), some(1, 6, 5)
        result = similarity(patches, texts)
        assert result.shape == (2, 6, 3, 4)
        for b, n, y, x in np.ndindex(2, 6, 3, 4):
            assert result[b, n, y, x].item() == pytest.approx(cosine(patches[b, :, y, x], texts[n]), abs=1e-6)

    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.integers(1, 9), st.floats(1e-2, 1e3))
    def test_stays_in_range_and_ignores_lengths(self, seed, dim, scale):
        patches, texts = some(seed, 2, dim, 2, 3), some(seed + 1, 4, dim)
        patches += 0.1 * patches.sign()  # far from zero length, where the cosine is not defined
        texts += 0.1 * texts.sign()
        result = similarity(patches, texts)
        assert result.abs().max() <= 1 + 1e-6
        torch.testing.assert_close(similarity(scale * patches, texts), result, atol=1e-5, rtol=0)
        torch.testing.assert_close(similarity(patches, scale * texts), result, atol=1e-5, rtol=0)
        torch.testing.assert_close(similarity(-patches, texts), -result, atol=1e-6, rtol=0)

    @settings(max_examples=20, deadline=None)
    @given(SEEDS, st.permutations(range(5)))
    def test_labels_can_be_permuted(self, seed, order):
        patches, texts = some(seed, 1, 4, 2, 2), some(seed + 1, 5, 4)
        torch.testing.assert_close(similarity(patches, texts[order]), similarity(patches, texts)[:, order])

    def test_own_direction_is_one(self):
        texts = some(3, 2, 7)
        torch.testing.assert_close(similarity(9 * texts[:1, :, None, None], texts)[0, 0], torch.ones(1, 1))

    def test_zero_vectors_give_zero(self):
        patches, texts = some(0, 1, 3, 1, 2), some(1, 2, 3)
        patches[..., 0] = 0
        texts[1] = 0
        result = similarity(patches, texts)
        assert result[0, :, 0, 0].tolist() == [0, 0]
        assert result[0, 1].flatten().tolist() == [0, 0]
        assert result[0, 0, 0, 1] != 0

    def test_half_precision_patches_meet_single_precision_texts(self):
        patches, texts = some(0, 1, 8, 2, 2), some(1, 3, 8)
        result = similarity(patches.half(), texts)
        assert result.dtype == torch.float16
        torch.testing.assert_close(result.float(), similarity(patches, texts), atol=5e-3, rtol=0)
        assert similarity(torch.zeros(1, 8, 1, 1).half(), texts).tolist() == [[[[0]], [[0]], [[0]]]]

    @pytest.mark.parametrize(
        ("patches", "texts"),
        [((1, 4, 2, 2), (3, 5)), ((4, 2, 2), (3, 4)), ((1, 4, 2, 2), (4,)), ((1, 4, 2, 2), (1, 4, 1))],
        ids=["other space", "no batch", "one text without axis", "texts with a third axis"],
    )
    def test_what_does_not_match_is_refused_with_both_shapes(self, patches, texts):
        with pytest.raises(ValueError, match="do not match") as caught:
            similarity(torch.zeros(patches), torch.zeros(texts))
        assert str(patches) in str(caught.value)
        assert str(texts) in str(caught.value)


class TestPointwise:
    def test_is_a_linear_map_of_each_patch(self):
        maps, weight, bias = some(0, 2, 3, 4, 5), some(1, 6, 3), some(2, 6)
        expected = np.einsum("bcyx,dc->bdyx", maps.double(), weight.double()) + bias.double().numpy()[:, None, None]
        np.testing.assert_allclose(pointwise(maps, weight, bias), expected, atol=1e-6)

    def test_elsewhere_than_on_a_processor_it_has_the_same_shape(self):
        maps, weight = some(0, 2, 3, 4, 5), some(1, 6, 3)
        assert pointwise(maps.to("meta"), weight.to("meta")).shape == pointwise(maps, weight).shape


class TestMergeAliases:
    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.lists(st.integers(1, 4), min_size=1, max_size=5), st.booleans())
    def test_equals_a_loop_with_max(self, seed, counts, half):
        label_of_alias = [label for label, count in enumerate(counts) for _ in range(count)]
        maps = some(seed, 2, len(label_of_alias), 2, 3).to(torch.float16 if half else torch.float32)
        merged = merge_aliases(maps, torch.tensor(label_of_alias), len(counts))
        assert merged.shape == (2, len(counts), 2, 3)
        assert merged.dtype == maps.dtype
        for b, n, y, x in np.ndindex(merged.shape):
            assert merged[b, n, y, x] == max(maps[b, a, y, x] for a, owner in enumerate(label_of_alias) if owner == n)

    def test_owners_need_not_be_neighbours(self):
        maps = torch.tensor([0.1, 0.7, 0.3]).reshape(1, 3, 1, 1)
        assert merge_aliases(maps, torch.tensor([1, 0, 1]), 2).flatten().tolist() == pytest.approx([0.7, 0.3])

    def test_one_alias_each_gives_the_maps_back(self):
        maps = some(0, 1, 3, 2, 2)
        assert merge_aliases(maps, torch.arange(3), 3) is maps

    def test_needs_no_autograd_and_leaves_its_input_alone(self):
        maps = some(0, 1, 3, 2, 2)
        before = maps.clone()
        with torch.inference_mode():
            frozen = merge_aliases(maps, torch.tensor([0, 0, 1]), 2)
        assert not frozen.requires_grad
        assert torch.equal(maps, before)
        assert torch.equal(frozen, merge_aliases(maps, torch.tensor([0, 0, 1]), 2))
