"""The words of one job: which compete for the pixels of a photo that shows some of the labels."""

from __future__ import annotations

import torch

from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary
from freeseg.words.embedded import EmbeddedVocabulary, SimilarityMaps


class TestWords:
    def test_what_means_another_label_is_background_again(self, embedded: FreeSeg) -> None:
        words = embedded.words(Vocabulary.of("cat, meadow|lawn, sky", ["grass", "sky", "wall"]))
        everything = embedded.words(Vocabulary.of("cat", ["grass", "sky", "wall"]))
        some = embedded.words(Vocabulary.of("cat, sky", ["grass", "wall"]))
        assert len(words.embeddings) - len(words.label_of_alias) == 1
        for few, expected in ((words.restrict_to([0]), everything), (words.restrict_to([0, 2]), some)):
            assert few.names == expected.names
            assert few.label_of_alias.tolist() == expected.label_of_alias.tolist()
            assert few.is_background_word.tolist() == [name == "sky" for name in few.names]
            torch.testing.assert_close(few.embeddings, expected.embeddings, atol=1e-5, rtol=0)

    def test_aliases_stay_with_their_label(self, tiny: FreeSeg) -> None:
        words = tiny.words(Vocabulary.of("a|b, c, d|e|f", []))
        few = words.restrict_to([0, 2])
        assert (few.names, few.label_of_alias.tolist()) == (("a", "d"), [0, 0, 1, 1, 1])
        assert torch.equal(few.embeddings, words.embeddings[[0, 1, 3, 4, 5]])

    def test_only_keeps_the_order_that_is_asked_for(self, tiny: FreeSeg) -> None:
        words = tiny.words(Vocabulary.of("a|b, c, d|e|f", []))
        few = words.restrict_to([2, 0])
        assert (few.names, few.label_of_alias.tolist()) == (("d", "a"), [0, 0, 0, 1, 1])
        assert torch.equal(few.embeddings, words.embeddings[[3, 4, 5, 0, 1]])

    def test_all_texts_are_the_aliases_and_every_background_word(self) -> None:
        aliases, background = torch.eye(6)[:3], torch.eye(6)[3:]
        synonym_of = torch.tensor([[True, False], [False, False], [False, True]])
        is_background_word = torch.tensor([False, True])
        words = EmbeddedVocabulary.of(
            aliases, torch.tensor([0, 0, 1]), ("meadow", "sky"), is_background_word, background, synonym_of
        )
        assert torch.equal(words.aliases, aliases)
        assert torch.equal(words.embeddings, torch.eye(6)[[0, 1, 2, 4]])
        assert torch.equal(words.all_texts, torch.eye(6))


class TestMaps:
    def test_only_is_what_the_words_of_only_say(self) -> None:
        """Rows of all maps, or the maps of some rows: the same."""
        generator = torch.Generator().manual_seed(0)
        texts, patches = torch.randn(9, 5, generator=generator), torch.randn(5, 4, generator=generator)
        synonym_of = torch.zeros(6, 3, dtype=torch.bool)
        synonym_of[0, 0] = synonym_of[2, 1] = synonym_of[3, 1] = synonym_of[3, 2] = True
        words = EmbeddedVocabulary.of(
            texts[:3], torch.arange(3), ("a", "b", "c"), synonym_of.any(dim=0), texts[3:], synonym_of
        )
        product = (words.all_texts @ patches)[:, None]
        every = SimilarityMaps(product[:3], product[3:])
        for labels in ([0, 1, 2], [1], [0, 2], []):
            few = words.restrict_to(labels)
            expected = (few.embeddings @ patches)[:, None]
            found = every.restrict_to(labels, synonym_of)
            torch.testing.assert_close(found.labels, expected[: len(labels)])
            torch.testing.assert_close(found.background, expected[len(labels) :])
