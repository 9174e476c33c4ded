"""Recall at k against a literal loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.evaluation.metrics.retrieval import recall_at


def some(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 8), st.integers(1, 12))
def test_equals_a_loop(seed, photos, texts):
    images, captions = some(seed, photos, 4), some(seed + 1, texts, 4)
    owners = np.random.default_rng(seed).integers(photos, size=texts)
    ks = (1, 2, 5)
    hits = dict.fromkeys(ks, 0)
    for text, owner in zip(captions, owners.tolist(), strict=True):
        scores = [float(text @ image / np.linalg.norm(text) / np.linalg.norm(image)) for image in images]
        rank = 1 + sum(score > scores[owner] for i, score in enumerate(scores) if i != owner)
        for k in ks:
            hits[k] += rank <= k
    expected = {f"R@{k}": pytest.approx(count / texts) for k, count in hits.items()}
    assert recall_at(images, captions, owners, ks) == expected


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_grows_with_k_up_to_one(seed):
    result = list(recall_at(some(seed, 5, 3), some(seed + 1, 9, 3), np.arange(9) % 5, range(1, 6)).values())
    assert result == sorted(result)
    assert result[-1] == 1


def test_lengths_do_not_matter():
    images, texts, owners = some(0, 6, 4), some(1, 12, 4), np.arange(12) // 2
    scale = np.random.default_rng(2).random((6, 1), np.float32) * 100 + 0.1
    result = recall_at(images, texts, owners, (1, 3))
    assert recall_at(images * scale, texts * 7, owners, (1, 3)) == result
    assert 0 < result["R@3"] < 1


def test_several_texts_of_one_photo():
    images = np.eye(3)
    texts = np.array([[1.0, 0.1, 0], [0.1, 1, 0], [0, 1, 0.1], [0, 0, 1]])
    assert recall_at(images, texts, np.array([0, 0, 1, 2]), (1, 2)) == {"R@1": 0.75, "R@2": 1.0}


def test_ties_count_against_the_photo():
    """A model that gives all photos the same vector has found nothing."""
    same = np.ones((4, 3))
    assert recall_at(same, np.ones((2, 3)), np.array([0, 3]), (1, 3, 4)) == {"R@1": 0, "R@3": 0, "R@4": 1}
    twins = np.array([[1.0, 0], [1, 0], [0, 1]])
    assert recall_at(twins, twins[:1], np.array([0]), (1, 2)) == {"R@1": 0, "R@2": 1}


@pytest.mark.parametrize("broken", ["images", "texts"])
def test_embeddings_that_are_no_numbers_find_nothing(broken):
    images, texts = np.eye(3), np.eye(3)
    (images if broken == "images" else texts)[:] = np.nan
    assert recall_at(images, texts, np.arange(3), (1, 2)) == {"R@1": 0, "R@2": 0}


def test_zero_vectors_are_ties():
    assert recall_at(np.eye(3), np.zeros((1, 3)), np.array([1]), (1, 3)) == {"R@1": 0, "R@3": 1}
