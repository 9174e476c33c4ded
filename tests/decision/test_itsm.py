"""Similarity maps against literal loops, and the properties that hold for any patches and texts."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from freeseg.decision.itsm import merge_aliases, minmax, pointwise, remove_redundancy, similarity, upsample

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


def surgery_with_channels(patches, texts, image, sharpness):
    """CLIP Surgery's feature surgery as it is published, channel by channel: one image's maps (N, P)."""
    patches, texts = (vectors / vectors.norm(dim=-1, keepdim=True) for vectors in (patches, texts))
    image = image / image.norm()
    scores = [math.exp(sharpness * float(image @ text)) for text in texts]
    weights = [score / sum(scores) / (1 / len(scores)) for score in scores]  # softmax over its own mean
    maps = torch.empty(len(texts), len(patches), dtype=torch.float64)
    for p, patch in enumerate(patches):
        products = torch.stack([weight * patch * text for weight, text in zip(weights, texts, strict=True)])
        redundant = products.mean(dim=0)
        for n, product in enumerate(products):
            maps[n, p] = (product - redundant).sum()
    return maps


class TestRemoveRedundancy:
    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.integers(1, 6), st.sampled_from([0.5, 2.0, 10.0]))
    def test_equals_the_published_form_with_channels(self, seed, labels, sharpness):
        patches, image = some(seed, 2, 5, 2, 3, dtype=torch.float64), some(seed + 1, 2, 5, dtype=torch.float64)
        texts = some(seed + 2, labels, 5, dtype=torch.float64)
        whole = similarity(image[:, :, None, None], texts)[:, :, 0, 0]
        found = remove_redundancy(similarity(patches, texts), whole, sharpness)
        for b in range(2):
            wanted = surgery_with_channels(patches[b].flatten(1).T, texts, image[b], sharpness)
            torch.testing.assert_close(found[b].flatten(1), wanted, atol=1e-5, rtol=0)

    @settings(max_examples=20, deadline=None)
    @given(SEEDS, st.integers(1, 7))
    def test_sums_to_zero_over_labels(self, seed, labels):
        found = remove_redundancy(some(seed, 1, labels, 2, 2), some(seed + 1, 1, labels))
        assert found.sum(dim=1).abs().max() < 1e-4

    def test_what_all_labels_share_goes_whatever_its_size(self):
        maps, even = some(0, 1, 4, 3, 3), torch.zeros(1, 4)
        shared = some(1, 1, 1, 3, 3)
        torch.testing.assert_close(remove_redundancy(maps + 5 * shared, even), remove_redundancy(maps, even))

    def test_a_label_that_the_image_is_full_of_weighs_more(self):
        maps = torch.full((1, 3, 1, 1), 0.5)
        found = remove_redundancy(maps, torch.tensor([[0.9, 0.1, 0.1]])).flatten()
        assert found[0] > 0 > found[1] == found[2]

    def test_keeps_half_precision_and_its_input(self):
        maps = some(0, 1, 3, 2, 2).half()
        before = maps.clone()
        found = remove_redundancy(maps, torch.zeros(1, 3).half())
        assert found.dtype == torch.float16
        assert torch.equal(maps, before)
        torch.testing.assert_close(found.float(), remove_redundancy(maps.float(), torch.zeros(1, 3)), atol=5e-3, rtol=0)

    @pytest.mark.parametrize("image", [(1, 2), (2, 3), (3,)])
    def test_cosines_of_other_images_or_labels_are_refused(self, image):
        with pytest.raises(ValueError, match="do not match"):
            remove_redundancy(torch.zeros(1, 3, 2, 2), torch.zeros(image))


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


class TestMinmax:
    def test_every_map_of_every_image_fills_the_range(self):
        maps = some(0, 3, 4, 5, 6)
        result = minmax(maps)
        for b, n in np.ndindex(3, 4):
            low, high = maps[b, n].min(), maps[b, n].max()
            torch.testing.assert_close(result[b, n], (maps[b, n] - low) / (high - low))

    @pytest.mark.parametrize("value", [0.0, 0.3, -5.0])
    def test_a_constant_map_becomes_zero(self, value):
        assert torch.equal(minmax(torch.full((1, 2, 3, 3), value)), torch.zeros(1, 2, 3, 3))


class TestUpsample:
    def test_equals_the_bilinear_formula(self):
        maps = some(0, 1, 2, 3, 4)
        large = upsample(maps, (7, 10))
        for y, x in [(0, 0), (3, 5), (6, 9), (1, 8), (5, 0)]:
            # centres of pixels, corners not aligned; beyond the border, the border itself
            v = min(max((y + 0.5) * 3 / 7 - 0.5, 0), 2)
            u = min(max((x + 0.5) * 4 / 10 - 0.5, 0), 3)
            top, left = int(v), int(u)
            bottom, right = min(top + 1, 2), min(left + 1, 3)
            above = maps[0, :, top, left] * (1 - u + left) + maps[0, :, top, right] * (u - left)
            below = maps[0, :, bottom, left] * (1 - u + left) + maps[0, :, bottom, right] * (u - left)
            torch.testing.assert_close(large[0, :, y, x], above * (1 - v + top) + below * (v - top))

    def test_equals_pillow(self):
        one = some(1, 1, 1, 5, 4)
        pillow = Image.fromarray(one[0, 0].numpy()).resize((13, 9), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(upsample(one, (9, 13))[0, 0].numpy(), np.asarray(pillow), atol=1e-5)

    def test_same_size_changes_nothing(self):
        maps = some(2, 1, 2, 4, 5)
        assert torch.equal(upsample(maps, (4, 5)), maps)
