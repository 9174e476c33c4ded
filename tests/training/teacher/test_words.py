"""The words that a training of the teacher looks for: those that its recipe asks for, and no others."""

from __future__ import annotations

import pytest
import torch

from freeseg.training.teacher.words import NOUNS, imagenet_classes, training_words
from freeseg.words import vocabulary
from tiny import HashedText, tiny_iclip


def test_all_words() -> None:
    words = training_words(tiny_iclip())
    kinds = sorted({kind for _, kind in imagenet_classes()})
    assert words.classes.shape == (1000, 16)
    assert words.kinds.shape == (len(kinds), 16)
    assert [kinds[index] for index in words.kind_of] == [kind for _, kind in imagenet_classes()]
    assert words.nouns.shape == (len(vocabulary(NOUNS).labels), 16)
    for each in (words.classes, words.kinds, words.nouns):
        torch.testing.assert_close(each.norm(dim=1), torch.ones(len(each)))


def test_nothing_is_embedded_that_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_iclip()
    every = training_words(model)
    assert torch.equal(training_words(model, classes=False).nouns, every.nouns)
    assert torch.equal(training_words(model, nouns=False).classes, every.classes)
    monkeypatch.setattr(HashedText, "__call__", lambda _, texts: pytest.fail(f"{texts} were embedded"))
    none = training_words(model, classes=False, nouns=False)
    assert (len(none.classes), len(none.kinds), len(none.kind_of)) == (0, 0, 0)
    assert len(none.nouns) == len(every.nouns)  # captions are searched for them all the same
