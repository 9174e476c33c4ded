"""What happens to similarity maps, against independent formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from freeseg.decision import itsm
from freeseg.decision.maps import (
    Sources,
    area_average,
    merge_aliases,
    minmax,
    remove_redundancy,
    smooth,
    softmax,
    upsample,
)
from freeseg.decision.pooling import smooth_patches

SEEDS = st.integers(0, 2**31)


def some(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def by_running_sums(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    """The means of cells as version 0.1.0 took them: differences of running sums, rows before columns."""
    means = picture.astype(np.float32)
    for axis, count in enumerate(size):
        length = means.shape[axis]
        start, end = np.arange(count) * length // count, -(-(np.arange(1, count + 1) * length) // count)
        sums = np.cumsum(np.insert(means, 0, 0, axis), axis=axis, dtype=np.float64)
        shape = [-1 if each == axis else 1 for each in range(3)]
        means = ((sums.take(end, axis) - sums.take(start, axis)) / (end - start).reshape(shape)).astype(np.float32)
    return means.transpose(2, 0, 1) / np.float32(255)


class TestSmooth:
    @settings(max_examples=40, deadline=None)
    @given(SEEDS, st.sampled_from([1, 3, 5, 9]), st.integers(1, 7), st.integers(1, 7))
    def test_equals_the_one_of_training(self, seed: int, kernel: int, height: int, width: int) -> None:
        maps = some(seed, 3, height, width)
        before = maps.copy()
        expected = smooth_patches(torch.from_numpy(maps)[None], kernel)[0].numpy()
        np.testing.assert_allclose(smooth(maps, kernel), expected, atol=1e-5)
        assert smooth(maps, kernel).dtype == np.float32
        assert np.array_equal(maps, before)


class TestMergeAliases:
    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.lists(st.integers(1, 4), min_size=1, max_size=5))
    def test_equals_the_one_of_training(self, seed: int, counts: list[int]) -> None:
        label_of_alias = np.repeat(np.arange(len(counts)), counts)
        maps = some(seed, len(label_of_alias), 2, 3)
        expected = itsm.merge_aliases(torch.from_numpy(maps)[None], torch.from_numpy(label_of_alias), len(counts))
        assert np.array_equal(merge_aliases(maps, label_of_alias), expected[0].numpy())

    def test_one_alias_each_gives_the_maps_back(self) -> None:
        maps = some(0, 3, 2, 2)
        assert merge_aliases(maps, np.arange(3)) is maps

    def test_none_of_none(self) -> None:
        nothing = some(0, 0, 2, 2)
        assert merge_aliases(nothing, np.zeros(0, np.int64)).shape == (0, 2, 2)


def surgery_with_channels(
    patches: NDArray[np.float64], texts: NDArray[np.float64], image: NDArray[np.float64], sharpness: float
) -> NDArray[np.float64]:
    """CLIP Surgery's feature surgery as it is published, channel by channel: one image's maps (N, P)."""
    patches, texts = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (patches, texts))
    image = image / np.linalg.norm(image)
    scores = [math.exp(sharpness * float(image @ text)) for text in texts]
    weights = [score / sum(scores) / (1 / len(scores)) for score in scores]  # softmax over its own mean
    maps = np.empty((len(texts), len(patches)))
    for p, patch in enumerate(patches):
        products = np.stack([weight * patch * text for weight, text in zip(weights, texts, strict=True)])
        redundant = products.mean(axis=0)
        for n, product in enumerate(products):
            maps[n, p] = (product - redundant).sum()
    return maps


class TestRemoveRedundancy:
    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.integers(1, 6), st.sampled_from([0.5, 2.0, 10.0]))
    def test_equals_the_published_form_with_channels(self, seed: int, labels: int, sharpness: float) -> None:
        rng = np.random.default_rng(seed)
        patches, texts, image = rng.normal(size=(6, 5)), rng.normal(size=(labels, 5)), rng.normal(size=5)

        def cosines(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
            lengths = np.linalg.norm(texts, axis=1)[:, None] * np.linalg.norm(vectors, axis=1)
            return (texts @ vectors.T / lengths).astype(np.float32)

        found = remove_redundancy(cosines(patches).reshape(labels, 2, 3), cosines(image[None])[:, 0], sharpness)
        wanted = surgery_with_channels(patches, texts, image, sharpness)
        np.testing.assert_allclose(found.reshape(labels, 6), wanted, atol=1e-5)

    @settings(max_examples=20, deadline=None)
    @given(SEEDS, st.integers(1, 7))
    def test_sums_to_zero_over_labels(self, seed: int, labels: int) -> None:
        found = remove_redundancy(some(seed, labels, 2, 2), some(seed + 1, labels))
        assert np.abs(found.sum(axis=0)).max() < 1e-4

    def test_what_all_labels_share_goes_whatever_its_size(self) -> None:
        maps, even, shared = some(0, 4, 3, 3), np.zeros(4, np.float32), some(1, 1, 3, 3)
        np.testing.assert_allclose(remove_redundancy(maps + 5 * shared, even), remove_redundancy(maps, even), atol=1e-5)

    def test_a_label_that_the_image_is_full_of_weighs_more(self) -> None:
        maps = np.full((3, 1, 1), 0.5, np.float32)
        found = remove_redundancy(maps, np.array([0.9, 0.1, 0.1], np.float32)).ravel()
        assert found[0] > 0 > found[1] == found[2]

    def test_is_as_sharp_as_in_the_paper_by_default(self) -> None:
        maps, image = some(0, 3, 2, 2), some(1, 3)
        found = remove_redundancy(maps, image)
        np.testing.assert_array_equal(found, remove_redundancy(maps, image, 2.0))
        assert not np.allclose(found, remove_redundancy(maps, image, 3.0))
        assert remove_redundancy(maps.astype(np.float64), image.astype(np.float64)).dtype == np.float32

    def test_leaves_its_input_alone(self) -> None:
        maps = some(0, 3, 2, 2)
        before = maps.copy()
        remove_redundancy(maps, np.zeros(3, np.float32))
        assert np.array_equal(maps, before)

    @pytest.mark.parametrize("image", [(2,), (1, 3), (4,)])
    def test_cosines_of_other_labels_are_refused(self, image: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="do not match"):
            remove_redundancy(some(0, 3, 2, 2), some(1, *image))


def test_softmax_equals_the_literal_one_and_does_not_overflow() -> None:
    scores = some(0, 4, 2, 3)
    expected = np.exp(scores.astype(np.float64)) / np.exp(scores.astype(np.float64)).sum(axis=0)
    np.testing.assert_allclose(softmax(scores), expected, rtol=1e-5)
    assert softmax(np.array([[1e4], [-1e4]], np.float32)).tolist() == [[1.0], [0.0]]


class TestMinmax:
    def test_every_map_fills_the_range(self) -> None:
        maps = some(0, 4, 5, 6)
        expected = [(each - each.min()) / (each.max() - each.min()) for each in maps]
        np.testing.assert_allclose(minmax(maps), expected, rtol=1e-5)
        assert minmax(maps.astype(np.float64)).dtype == np.float32

    @pytest.mark.parametrize("value", [0.0, 0.3, -5.0])
    def test_a_constant_map_becomes_zero(self, value: float) -> None:
        assert not minmax(np.full((2, 3, 3), value, np.float32)).any()


class TestUpsample:
    @settings(max_examples=40, deadline=None)
    @given(SEEDS, st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 30)] * 2))
    def test_equals_pytorch(self, seed: int, old: tuple[int, int], new: tuple[int, int]) -> None:
        maps = some(seed, 2, *old)
        expected = F.interpolate(torch.from_numpy(maps)[None], new, mode="bilinear", align_corners=False)[0]
        np.testing.assert_allclose(upsample(maps, new), expected.numpy(), atol=1e-5)

    def test_equals_pillow(self) -> None:
        one = some(1, 1, 5, 4)
        pillow = Image.fromarray(one[0]).resize((13, 9), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(upsample(one, (9, 13))[0], np.asarray(pillow), atol=1e-5)

    def test_same_size_changes_nothing(self) -> None:
        maps = some(2, 2, 4, 5)
        assert np.array_equal(upsample(maps, (4, 5)), maps)


class TestAreaAverage:
    @settings(max_examples=40, deadline=None)
    @given(SEEDS, st.tuples(*[st.integers(1, 20)] * 2), st.data())
    def test_equals_pytorch(self, seed: int, size: tuple[int, int], data: st.DataObject) -> None:
        picture = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
        new = tuple(data.draw(st.integers(1, side)) for side in size)
        whole = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        expected = F.interpolate(whole, new, mode="area")[0].numpy()
        found = area_average(picture, (new[0], new[1]))
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.array_equal(found, by_running_sums(picture, (new[0], new[1])))  # golden masks depend on every bit


def test_a_part_of_an_axis_reads_as_the_whole_axis_does() -> None:
    whole = Sources.of(5, 17)
    part = whole[3:9]
    assert part.first.tolist() == whole.first[3:9].tolist()
    assert part.second.tolist() == whole.second[3:9].tolist()
    assert part.share.tolist() == whole.share[3:9].tolist()
