"""A vocabulary as tensors: the same words as the arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from freeseg.training.network.words import VocabularyTensors
from freeseg.words.embedded import EmbeddedVocabulary


@pytest.mark.parametrize("labels", [[0, 1, 2], [1], [2, 0], []])
def test_restricted_as_the_embedded_vocabulary(labels: list[int]) -> None:
    rng = np.random.default_rng(0)
    words = EmbeddedVocabulary.of(
        rng.normal(size=(5, 4)).astype(np.float32),
        np.array([0, 0, 1, 2, 2]),
        ("a", "b", "c"),
        np.array([True, False, True]),
        rng.normal(size=(3, 4)).astype(np.float32),
        np.array([[True, False, False], [False, False, False], [False, True, True]]),
    )
    cpu = torch.device("cpu")
    restricted = VocabularyTensors.of(words, cpu).restrict_to(torch.tensor(labels, dtype=torch.int64))
    expected = VocabularyTensors.of(words.restrict_to(labels), cpu)
    for name, one, other in zip(restricted._fields, restricted, expected, strict=True):
        assert torch.equal(one, other), name
