"""Embeddings in memory: each word is embedded once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from freeseg.words import remembered
from freeseg.words.embedded import WordEmbeddings
from freeseg.words.remembered import RememberedWords


class Embedder:
    """Embeds a word as its length, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        self.asked.append(list(words))
        rows = np.array([[len(word), len(templates)] for word in words], np.float32)
        return WordEmbeddings(rows, -rows)


def test_a_new_word_costs_itself_only() -> None:
    embedder = Embedder()
    words = RememberedWords(embedder)
    words(["cat", "zebra"], ["{}"])
    found = words(["ox", "cat", "zebra", "ox"], ["{}"])
    assert embedder.asked == [["cat", "zebra"], ["ox"]]
    assert found.joint.tolist() == [[2, 1], [3, 1], [5, 1], [2, 1]]
    assert found.tower.tolist() == (-found.joint).tolist()


def test_other_prompts_are_other_embeddings() -> None:
    embedder = Embedder()
    words = RememberedWords(embedder)
    assert words(["cat"], ["{}"]).joint.tolist() == [[3, 1]]
    assert words(["cat"], ["a {}", "{}"]).joint.tolist() == [[3, 2]]
    assert len(embedder.asked) == 2


def test_what_was_asked_for_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MAX_WORDS", 3)
    embedder = Embedder()
    words = RememberedWords(embedder)
    words(["a"], ["{}"])
    words(["bb", "ccc"], ["{}"])
    words(["dddd"], ["{}"])
    words(["ccc", "dddd"], ["{}"])
    assert len(embedder.asked) == 3
    words(["a"], ["{}"])
    assert embedder.asked[-1] == ["a"]
    assert len(words(["1", "22", "333", "4444", "55555"], ["{}"]).joint) == 5  # more than are kept
