"""ITSM -> free mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from freeseg.decision import masks
from freeseg.decision.maps import upsample
from freeseg.decision.masks import free_mask, photo_edges
from freeseg.decision.presence import presence, present, probabilities
from freeseg.decision.rule import Decision
from freeseg.mask_values import UNSURE

PLAIN = Decision(refine_steps=0, background_margin=0.0, presence_floor=0.0, presence_weight=0.0)


def random(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random(shape, np.float32)


def photo(height: int = 12, width: int = 16) -> NDArray[np.float32]:
    return random(0, 3, height, width)


def maps(*rows: list[float]) -> NDArray[np.float32]:
    """One map per label, one row of patches each."""
    return np.array(rows, np.float32)[:, None]


def test_probabilities_against_a_literal_softmax() -> None:
    labels, words = random(0, 3, 2, 2) - 0.5, random(1, 4, 2, 2) - 0.5
    result = probabilities(labels, words, 20.0)
    for y in range(2):
        for x in range(2):
            rivals = [*(20 * labels[:, y, x]).tolist(), 20 * words[:, y, x].max()]
            expected = np.exp(rivals) / np.exp(rivals).sum()
            np.testing.assert_allclose(result[:, y, x], expected[:3], rtol=1e-5)


def test_more_words_of_the_same_kind_do_not_hide_a_label() -> None:
    label, word = np.full((1, 2, 2), 0.3, np.float32), np.full((1, 2, 2), 0.2, np.float32)
    many = np.broadcast_to(word, (50, 2, 2))
    assert np.array_equal(probabilities(label, word, 20.0), probabilities(label, many, 20.0))


@given(st.integers(1, 40), st.floats(0.01, 1.0))
@settings(max_examples=40, deadline=None)
def test_presence_is_the_mean_of_the_best_patches(patches: int, share: float) -> None:
    scores = random(patches, 2, 1, patches)
    count = max(1, int(np.ceil(share * patches - 1e-9)))
    expected = [np.sort(row)[::-1][:count].mean() for row in scores[:, 0]]
    np.testing.assert_allclose(presence(scores, share), expected, rtol=1e-5)


def test_stuff_that_is_asked_for_is_on_a_par_with_the_background() -> None:
    sky, cow, wall = [0.5, 0.5, 0.4], [0.2, 0.54, 0.7], [0.48, 0.2, 0.2]
    margin = replace(PLAIN, background_margin=0.05)
    found = {
        known: free_mask(
            maps(sky, cow),
            maps(wall),
            photo(1, 3),
            (1, 3),
            margin,
            is_background_word=np.array([known, False]),
        )
        for known in (False, True)
    }
    assert found[False].labels[0].tolist() == [0, 2, 2]  # the sky is not ahead of the wall by the margin
    assert found[True].labels[0].tolist() == [1, 1, 2]  # a cow must be ahead of the sky by it
    assert np.array_equal(found[False].presence, found[True].presence)


def test_the_most_present_label_always_stays_without_a_background() -> None:
    result = free_mask(maps([-0.9, -0.9]), None, photo(1, 2), (1, 2), replace(PLAIN, presence_floor=0.99))
    assert np.unique(result.labels).tolist() == [0]


@pytest.mark.parametrize(("ahead", "expected"), [(0.1, 1), (-0.1, 0)])
def test_the_floor_counts_against_the_background_alone(ahead: float, expected: int) -> None:
    """A lone label must beat the background somewhere; rivals among the labels do not lower its floor."""
    labels = np.full((9, 1, 4), 0.2 + ahead, np.float32)
    words = np.full((1, 1, 4), 0.2, np.float32)
    decision = replace(PLAIN, presence_floor=0.7)  # sigmoid(20 * 0.1) = 0.88
    assert int(free_mask(labels, words, photo(1, 4), (1, 4), decision).labels.max() > 0) == expected


def test_an_absent_label_takes_no_pixels_even_where_it_is_ahead() -> None:
    cat, dog = [0.5, 0.5, 0.5, 0.10, 0.5, 0.5], [0.0, 0.0, 0.0, 0.11, 0.0, 0.0]
    decision = replace(PLAIN, presence_share=0.5, presence_ratio=0.5)
    assert np.unique(free_mask(maps(cat, dog), None, photo(1, 6), (1, 6), decision).labels).tolist() == [0]
    everything = free_mask(maps(cat, dog), None, photo(1, 6), (1, 6), replace(decision, presence_ratio=0.0))
    assert everything.labels[0].tolist() == [0, 0, 0, 1, 0, 0]


def test_background_is_index_zero_and_labels_follow() -> None:
    labels, words = maps([0.9, 0.1, 0.1], [0.1, 0.9, 0.1]), maps([0.1, 0.1, 0.9], [0.0, 0.0, 0.0])
    assert free_mask(labels, words, photo(1, 3), (1, 3), PLAIN).labels[0].tolist() == [1, 2, 0]


def test_all_background_when_no_label_is_present() -> None:
    result = free_mask(maps([0.0, 0.0]), maps([0.9, 0.9]), photo(1, 2), (2, 4), replace(PLAIN, presence_floor=0.3))
    assert np.unique(result.labels).tolist() == [0]
    assert result.confidence.min() == 1.0


def test_the_margin_moves_pixels_to_the_background() -> None:
    labels, words = maps([0.30, 0.50]), maps([0.28, 0.28])
    assert free_mask(labels, words, photo(1, 2), (1, 2), PLAIN).labels[0].tolist() == [1, 1]
    shifted = replace(PLAIN, background_margin=0.1)
    assert free_mask(labels, words, photo(1, 2), (1, 2), shifted).labels[0].tolist() == [0, 1]


def test_unsure_pixels_are_dont_know() -> None:
    decision = replace(PLAIN, ignore_below=0.9, presence_ratio=0.1)
    result = free_mask(maps([0.5, 0.5], [0.5, 0.1]), None, photo(1, 2), (1, 2), decision)
    assert result.labels[0].tolist() == [UNSURE, 0]


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 100), (400, 3)])
@pytest.mark.parametrize("floats", [1, 700, 10**9])
def test_strips_give_what_one_interpolation_gives(
    size: tuple[int, int], floats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masks, "STRIP_FLOATS", floats)
    scores = random(1, 5, 6, 9)
    labels = np.array([7, 0, 300, 2, 9], np.int32)
    winner, value = masks.most_probable(scores, labels, size)
    whole = F.interpolate(torch.from_numpy(scores)[None], size, mode="bilinear", align_corners=False)[0].numpy()
    np.testing.assert_allclose(value, whole.max(axis=0), atol=1e-5)
    assert (winner.dtype, value.dtype) == (np.int32, np.float32)
    assert (winner == labels[whole.argmax(axis=0)]).mean() > 0.99  # ties may fall either way


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 5).map(float)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from([1, 300, 10**9]),
)
@settings(max_examples=150, deadline=None)
def test_the_winner_is_that_of_all_maps_at_full_size(
    scores: NDArray[np.float32], size: tuple[int, int], floats: int
) -> None:
    """Bit for bit, however few maps are compared; whole numbers make ties, where the first wins."""
    labels = np.arange(len(scores), dtype=np.int32)[::-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masks, "STRIP_FLOATS", floats)
        winner, value = masks.most_probable(scores, labels, size)
    whole = upsample(scores, size)
    assert np.array_equal(value, whole.max(axis=0))
    assert np.array_equal(winner, labels[whole.argmax(axis=0)])


def test_confidence_is_a_probability_and_refinement_keeps_it_one() -> None:
    scores = random(2, 4, 6, 8) - 0.5
    for steps in (0, 10):
        result = free_mask(scores, scores[:2] * 0.5, photo(24, 32), (50, 60), replace(PLAIN, refine_steps=steps))
        assert result.labels.shape == result.confidence.shape == (50, 60)
        assert result.confidence.min() >= 0
        assert result.confidence.max() <= 1 + 1e-5
        assert result.presence.shape == (4,)


def test_refinement_follows_an_edge_of_the_photo() -> None:
    scene = np.zeros((3, 16, 32), np.float32)
    scene[:, :, 14:] = 1.0  # the edge lies inside a patch, whose border is at column 16
    scores = np.repeat(maps([0.6, 0.6, 0.2, 0.2], [0.2, 0.2, 0.6, 0.6]), 2, axis=1)
    truth = np.broadcast_to(np.arange(32) >= 14, (16, 32))
    errors = []
    for steps in (0, 10):
        result = free_mask(scores, None, scene, (16, 32), replace(PLAIN, refine_steps=steps))
        errors.append((result.labels != truth).mean())
    assert errors[1] < errors[0]


@given(st.integers(1, 6), st.data())
@settings(max_examples=30, deadline=None)
def test_known_labels_take_the_place_of_presence(count: int, data: st.DataObject) -> None:
    """The mask is that of the known labels alone, in the numbers of all; presence is still told of all."""
    known = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    scores = random(count, count, 3, 4) - 0.5
    words = scores[:1] * 0.3
    strict, everyone = replace(PLAIN, presence_floor=1.1), replace(PLAIN, presence_ratio=0.0)
    result = free_mask(scores, words, photo(), (6, 8), strict, known=np.array(known))
    alone = free_mask(scores[known], words, photo(), (6, 8), everyone)
    assert np.array_equal(result.labels, np.array([0, *(label + 1 for label in known)])[alone.labels])
    assert np.array_equal(result.confidence, alone.confidence)
    assert result.candidates.tolist() == known
    assert result.presence.shape == (count,)


def test_labels_that_are_known_compete_on_a_par_however_present_they_are() -> None:
    """Captions say that both are there: the smaller one is not held back by covering less of the photo."""
    cat, mouse = [0.5, 0.5, 0.5, 0.20], [0.0, 0.0, 0.0, 0.21]
    rule = replace(PLAIN, presence_weight=1.0, presence_share=1.0, presence_ratio=0.0)
    for known, expected in ((np.array([0, 1]), 1), (None, 0)):
        result = free_mask(maps(cat, mouse), None, photo(1, 4), (1, 4), rule, known=known)
        assert result.labels[0].tolist() == [0, 0, 0, expected]


def test_a_label_that_may_not_appear_holds_nothing_back() -> None:
    """The most present label is hardly ahead of the background: the mask is as if nobody had asked for it."""
    rule = replace(PLAIN, presence_weight=1.0, presence_floor=0.7, presence_ratio=0.0)
    ship, wall = [0.035, -1.0], [0.0, 0.0]  # 0.67 against the background alone
    others = [[-1.0, 0.06], [-1.0, 0.061], [-1.0, 0.062]]  # 0.77 each alone, but they share their patch
    alone = free_mask(maps(*others), maps(wall), photo(1, 2), (1, 2), rule)
    asked = free_mask(maps(ship, *others), maps(wall), photo(1, 2), (1, 2), rule)
    assert asked.presence.argmax() == 0
    assert asked.candidates.tolist() == [1, 2, 3]
    assert alone.labels[0].tolist() == [0, 3]
    assert asked.labels[0].tolist() == [0, 4]
    np.testing.assert_allclose(asked.confidence, alone.confidence, rtol=1e-5)


@pytest.mark.parametrize("known", [None, np.array([], np.int64)])
def test_without_known_labels_presence_decides(known: NDArray[np.int64] | None) -> None:
    cat, dog, words = [0.9, 0.8], [0.0, 0.0], [0.1, 0.1]
    result = free_mask(maps(cat, dog), maps(words), photo(1, 2), (1, 2), PLAIN, known=known)
    assert result.candidates.tolist() == [0]
    assert result.labels[0].tolist() == [1, 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 3), st.booleans(), st.sampled_from([0, 1, 2.5]))
def test_is_the_literal_decision_of_each_patch(seed: int, count: int, words: int, is_word: bool, weight: float) -> None:
    """Without refinement, and at the size of the patch grid, where nothing is blended."""
    rng = np.random.default_rng(seed)
    labels, others = (rng.normal(0, 0.1, (number, 3, 4)).astype(np.float32) for number in (count, words))
    background = others if words else None
    rule = Decision(refine_steps=0, background_margin=0.03, presence_weight=weight)
    known = np.arange(count) == 0 if is_word else None
    result = free_mask(labels, background, photo(3, 4), (3, 4), rule, is_background_word=known)

    scores = presence(probabilities(labels, others, rule.logit_scale), rule.presence_share)
    chosen = present(labels, background, scores, rule)
    np.testing.assert_array_equal(result.presence, scores)
    np.testing.assert_array_equal(result.candidates, chosen)
    for place in np.ndindex(3, 4):
        rivals = {} if background is None else {0: max(float(each[place]) for each in background) + 0.03}
        for index in chosen.tolist():
            lead = 0.03 if is_word and index == 0 and background is not None else 0.0
            rivals[index + (background is not None)] = float(labels[index][place]) + lead
        chances = {index: np.exp(rule.logit_scale * value) for index, value in rivals.items()}
        for index in chosen.tolist():
            chances[index + (background is not None)] *= (scores[index] / scores[chosen].max()) ** weight
        winner = max(chances, key=lambda index: chances[index])
        assert result.confidence[place] == pytest.approx(chances[winner] / sum(chances.values()), rel=1e-4)
        if sorted(chances.values())[-1] > 1.0002 * max([0.0, *sorted(chances.values())[:-1]]):  # no tie
            assert result.labels[place] == winner
    assert (result.labels.dtype.kind, result.confidence.dtype) == ("i", np.float32)


def test_only_what_is_below_the_limit_is_not_known() -> None:
    labels = np.zeros((2, 1, 1), np.float32)  # one half each
    for limit, expected in ((0.0, 0), (0.5, 0), (0.51, UNSURE)):
        rule = replace(PLAIN, ignore_below=limit)
        assert free_mask(labels, None, photo(1, 1), (1, 1), rule).labels.tolist() == [[expected]]


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_maps_are_refined_as_often_as_the_rule_says(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refine(maps: NDArray[np.float32], edges: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
        asked.append(steps)
        return maps

    monkeypatch.setattr(masks, "pamr", refine)
    rule = replace(PLAIN, refine_steps=steps, presence_ratio=0.0)
    free_mask(random(1, 2, 3, 4), None, photo(), (6, 8), rule)
    assert asked == [steps] * (steps > 0)
    free_mask(random(1, 1, 3, 4), None, photo(), (6, 8), rule)  # of one map nothing could change
    assert asked == [steps] * (steps > 0)


def test_edges_are_means_of_the_photos_pixels() -> None:
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:8, 8:16] = (255, 51, 0)
    edges = photo_edges(pixels)
    assert edges.shape == (3, 3, 5)
    assert edges[:, 0, 1].tolist() == pytest.approx([1.0, 0.2, 0.0])
    assert np.count_nonzero(edges) == 2
    assert photo_edges(np.full((3, 5, 3), 255, np.uint8)).tolist() == [[[1.0]]] * 3
