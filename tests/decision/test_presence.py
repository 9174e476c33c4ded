"""The presence rule: which labels may appear in a photo at all, against a literal version of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from freeseg.decision.maps import softmax
from freeseg.decision.presence import LEAST_PRESENCE, presence, presence_prior, present, probabilities
from freeseg.decision.rule import Decision


def literally(labels: NDArray, background: NDArray | None, scores: NDArray, rule: Decision) -> list[int]:
    """The rule patch by patch: at least a share of the best score, and better than chance against the background."""
    found = []
    for index, maps in enumerate(labels):
        enough = scores[index] >= rule.presence_ratio * max(scores)
        if background is not None:
            chances = [
                1 / (1 + math.exp(-rule.logit_scale * float(maps[place] - max(word[place] for word in background))))
                for place in np.ndindex(*maps.shape)
            ]
            best = sorted(chances, reverse=True)[: max(1, math.ceil(rule.presence_share * len(chances)))]
            enough = enough and sum(best) / len(best) >= rule.presence_floor
        if enough:
            found.append(index)
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 3), st.floats(0.05, 1))
def test_is_the_literal_rule(seed: int, count: int, words: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    labels, others = (rng.normal(0, 0.1, (number, 3, 4)).astype(np.float32) for number in (count, words))
    background = others if words else None
    rule = Decision(presence_share=share)
    scores = presence(probabilities(labels, others, rule.logit_scale), share)
    assert present(labels, background, scores, rule).tolist() == literally(labels, background, scores, rule)


def test_both_limits_belong_to_what_is_present() -> None:
    labels = np.zeros((2, 1, 1), np.float32)
    scores = np.array([0.5, 1], np.float32)
    rule = Decision(presence_ratio=0.5, presence_floor=0.5)
    assert present(labels, None, scores, rule).tolist() == [0, 1]
    assert present(labels, labels, scores, rule).tolist() == [0, 1]  # on a par with the background: one half
    assert present(labels, labels, scores, replace(rule, presence_floor=0.51)).tolist() == []
    assert present(labels, None, scores, replace(rule, presence_ratio=0.51)).tolist() == [1]


@pytest.mark.parametrize(("scale", "there"), [(1.0, []), (20.0, [0])])
def test_the_lead_over_the_background_is_in_units_of_the_models_scale(scale: float, there: list[int]) -> None:
    labels, background = np.full((1, 2, 2), 0.3, np.float32), np.full((1, 2, 2), 0.2, np.float32)
    rule = Decision(logit_scale=scale, presence_floor=0.8)  # sigmoid(0.1) is 0.52, sigmoid(2) is 0.88
    assert present(labels, background, np.ones(1, np.float32), rule).tolist() == there


def test_the_best_word_counts_at_each_patch() -> None:
    labels = np.full((1, 1, 2), 0.3, np.float32)
    words = np.array([[[0.5, 0.1]], [[0.1, 0.5]]], np.float32)  # each patch has a word that is better than the label
    rule = Decision(presence_floor=0.5)
    assert present(labels, words, np.ones(1, np.float32), rule).tolist() == []
    assert present(labels, words[:1], np.ones(1, np.float32), rule).tolist() == [0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(0, 3))
def test_a_softmax_with_the_prior_is_the_product_with_presence(seed: int, count: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    scores, logits = rng.uniform(LEAST_PRESENCE, 1, count).astype(np.float32), rng.normal(0, 3, count)
    products = scores.astype(np.float64) ** weight * np.exp(logits)
    prior = presence_prior(scores, weight)
    np.testing.assert_allclose(softmax((logits + prior).astype(np.float32)), products / products.sum(), rtol=1e-4)
    assert prior.max() == 0
    assert prior.dtype == np.float32


@pytest.mark.parametrize("scores", [[0.0, 0.0], [0.0, 1e-30], [1e-5, LEAST_PRESENCE]])
def test_labels_that_are_nowhere_are_all_the_same(scores: list[float]) -> None:
    assert presence_prior(np.array(scores, np.float32), 1.0).tolist() == [0, 0]


def test_what_is_nowhere_is_held_back_and_not_ruled_out() -> None:
    prior = presence_prior(np.array([1, 0], np.float32), 1.0)
    assert prior.tolist() == [0, pytest.approx(math.log(LEAST_PRESENCE), rel=1e-6)]
    assert presence_prior(np.array([1, 0], np.float32), 0.0).tolist() == [0, 0]


def test_there_may_be_no_label() -> None:
    assert presence_prior(np.zeros(0, np.float32), 1.0).shape == (0,)
