"""The words of one job: which compete for the pixels of a photo that shows some of the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from freeseg.errors import LabelError
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary
from freeseg.words.embedded import EmbeddedVocabulary, SimilarityMaps, WordEmbeddings, embed_vocabulary


class TestWords:
    def test_what_means_another_label_is_background_again(self, embedded: FreeSeg) -> None:
        words = embedded.embed_vocabulary(Vocabulary.of("cat, meadow|lawn, sky", ["grass", "sky", "wall"]))
        everything = embedded.embed_vocabulary(Vocabulary.of("cat", ["grass", "sky", "wall"]))
        some = embedded.embed_vocabulary(Vocabulary.of("cat, sky", ["grass", "wall"]))
        assert len(words.embeddings) - len(words.label_of_alias) == 1
        for few, expected in ((words.restrict_to([0]), everything), (words.restrict_to([0, 2]), some)):
            assert few.names == expected.names
            assert few.label_of_alias.tolist() == expected.label_of_alias.tolist()
            assert few.is_background_word.tolist() == [name == "sky" for name in few.names]
            np.testing.assert_allclose(few.embeddings, expected.embeddings, atol=1e-5)

    def test_aliases_stay_with_their_label(self, tiny: FreeSeg) -> None:
        words = tiny.embed_vocabulary(Vocabulary.of("a|b, c, d|e|f", []))
        few = words.restrict_to([0, 2])
        assert (few.names, few.label_of_alias.tolist()) == (("a", "d"), [0, 0, 1, 1, 1])
        assert np.array_equal(few.embeddings, words.embeddings[[0, 1, 3, 4, 5]])

    def test_only_keeps_the_order_that_is_asked_for(self, tiny: FreeSeg) -> None:
        words = tiny.embed_vocabulary(Vocabulary.of("a|b, c, d|e|f", []))
        few = words.restrict_to([2, 0])
        assert (few.names, few.label_of_alias.tolist()) == (("d", "a"), [0, 0, 0, 1, 1])
        assert np.array_equal(few.embeddings, words.embeddings[[3, 4, 5, 0, 1]])

    def test_all_texts_are_the_aliases_and_every_background_word(self) -> None:
        aliases, background = np.eye(6, dtype=np.float32)[:3], np.eye(6, dtype=np.float32)[3:]
        left_out_by = np.array([[True, False], [False, False], [False, True]])
        is_background_word = np.array([False, True])
        words = EmbeddedVocabulary.of(
            aliases, np.array([0, 0, 1]), ("meadow", "sky"), is_background_word, background, left_out_by
        )
        assert np.array_equal(words.aliases, aliases)
        assert np.array_equal(words.embeddings, np.eye(6, dtype=np.float32)[[0, 1, 2, 4]])
        assert np.array_equal(words.all_texts, np.eye(6, dtype=np.float32))


class TestMaps:
    def test_only_is_what_the_words_of_only_say(self) -> None:
        """Rows of all maps, or the maps of some rows: the same."""
        rng = np.random.default_rng(0)
        texts, patches = (rng.normal(size=shape).astype(np.float32) for shape in ((9, 5), (5, 4)))
        left_out_by = np.zeros((6, 3), np.bool_)
        left_out_by[0, 0] = left_out_by[2, 1] = left_out_by[3, 1] = left_out_by[3, 2] = True
        words = EmbeddedVocabulary.of(
            texts[:3], np.arange(3), ("a", "b", "c"), left_out_by.any(axis=0), texts[3:], left_out_by
        )
        product = (words.all_texts @ patches)[:, None]
        every = SimilarityMaps(product[:3], product[3:])
        for labels in ([0, 1, 2], [1], [0, 2], []):
            few = words.restrict_to(labels)
            expected = (few.embeddings @ patches)[:, None]
            found = every.restrict_to(labels, left_out_by)
            np.testing.assert_allclose(found.labels, expected[: len(labels)], atol=1e-6)
            np.testing.assert_allclose(found.background, expected[len(labels) :], atol=1e-6)


class TestWordsOfWhichTheModelKnowsNothing:
    CAT, DOG, RUSSIAN_CAT = "\U0001f431", "\U0001f436", "\u043a\u043e\u0442"

    @pytest.mark.parametrize(
        "pair",
        [
            (CAT, DOG),
            (f"{CAT} food", f"{DOG} food"),
            ("\u0e41\u0e21\u0e27", "\u0e2b\u0e21\u0e32"),  # Thai
            ("\u2603", "\u2602"),
            ("cafe", "caf\u00e9"),  # this model leaves accents out
        ],
    )
    def test_two_labels_that_are_the_same_to_it_are_refused(self, embedded: FreeSeg, pair: tuple[str, str]) -> None:
        with pytest.raises(LabelError) as caught:
            embedded.embed_vocabulary(Vocabulary.of(["tree", *pair]))
        assert str(caught.value) == (
            f"labels {pair[0]!r} and {pair[1]!r} are the same to the model; leave one out, or use other words"
        )

    def test_aliases_of_one_label_may_be_the_same(self, embedded: FreeSeg) -> None:
        assert len(embedded.embed_vocabulary(Vocabulary.of("cafe|caf\u00e9, tree", [])).aliases) == 3

    def test_others_are_warned_of_once(self, embedded: FreeSeg, recwarn: pytest.WarningsRecorder) -> None:
        for _ in range(2):
            embedded.embed_vocabulary(Vocabulary.of(f"tree, {self.CAT}|cat|{self.RUSSIAN_CAT}", ["sky"]))
        assert [str(each.message) for each in recwarn] == [
            f"the model cannot read 2 words, so its answer means nothing: '{self.CAT}', '{self.RUSSIAN_CAT}'"
        ]

    def test_what_it_can_read_is_not_warned_of(self, embedded: FreeSeg, recwarn: pytest.WarningsRecorder) -> None:
        embedded.embed_vocabulary(Vocabulary.of(["cat", f"a cat {self.CAT}", "c++", "sm\u00f8rrebr\u00f8d"]))
        assert not recwarn

    def test_many_labels(self, tiny: FreeSeg) -> None:
        labels = [f"label {number}" for number in range(1500)]
        rows = np.array(tiny.embed_vocabulary(Vocabulary.of(labels, [])).embeddings)

        def embed(words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
            return WordEmbeddings(rows, rows)

        embed_vocabulary(Vocabulary.of(labels, []), embed, 0.75)
        rows[1400] = rows[3]
        with pytest.raises(LabelError, match="labels 'label 3' and 'label 1400' are the same to the model"):
            embed_vocabulary(Vocabulary.of(labels, []), embed, 0.75)
