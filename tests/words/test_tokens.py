"""Which texts are embedded together, are cut, or say nothing to a tokenizer."""

from __future__ import annotations

import warnings

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from freeseg.errors import SHOWN_CHARACTERS
from freeseg.words.tokens import KnownTokens, warn_of_cut
from tiny_transformers import clip_tokenizer


def test_one_warning_names_the_first_text_that_was_cut() -> None:
    with pytest.warns(UserWarning, match="a text was cut after 5 tokens: 'a photo of") as caught:
        warn_of_cut(["a photo\nof " + "a cat " * 20, "another"], tokens=5)
    assert len(caught) == 1
    assert len(str(caught[0].message)) < SHOWN_CHARACTERS + 50


def test_without_a_cut_there_is_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_cut([], tokens=5)


def test_texts_of_which_a_tokenizer_knows_nothing() -> None:
    unknown = "[UNK]"
    words = Tokenizer(models.WordPiece({unknown: 0, "cat": 1, "[CLS]": 2}, unk_token=unknown))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing("[CLS] $A", special_tokens=[("[CLS]", 2)])
    words.enable_padding(pad_id=1, length=9)
    assert KnownTokens(words).unknown(["cat", "dog", "a cat", "dog dog", ""]) == ["dog", "dog dog", ""]
    pieces = Tokenizer(models.Unigram([("<unk>", 0.0), ("c", -1.0), ("at", -1.0)], unk_id=0))
    assert KnownTokens(pieces).unknown(["cat", "dog", "dogc"]) == ["dog"]
    characters = Tokenizer(models.BPE({unknown: 0, "a": 1}, [], unk_token=unknown))
    assert KnownTokens(characters).unknown(["a", "b", "ab"]) == ["b"]


def test_a_tokenizer_of_bytes_knows_what_it_does_not_spell_byte_by_byte() -> None:
    known = KnownTokens(clip_tokenizer())
    assert known.unknown(["cat", "\U0001f431", "zebra", "42", ""]) == [""]
    assert known.unknown(["\u043a\u043e\u0442", "\u0e41", "\u732b cat"]) == ["\u043a\u043e\u0442", "\u0e41"]


def test_words_of_another_script_are_known_where_they_are_tokens() -> None:
    cat, word = "\u043a\u043e\u0442", "\u732b"
    pieces = [("<unk>", 0.0), (cat, -1.0), (word, -1.0), *((letter, -9.0) for letter in f"{cat}\u0434\u043c")]
    known = KnownTokens(Tokenizer(models.Unigram(pieces, unk_id=0)))
    assert known.unknown([cat, word, "\u0434\u043e\u043c", f"{cat}\u0434\u043e\u043c"]) == ["\u0434\u043e\u043c"]


def test_an_english_vocabulary_knows_no_word_of_another_script() -> None:
    letters = {
        letter: number for number, letter in enumerate(["[UNK]", "\u043a", "##\u043e\u0442", "cat", "\u03b1", "7"])
    }
    words = Tokenizer(models.WordPiece(letters))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    assert KnownTokens(words).unknown(["\u043a\u043e\u0442", "\u043a\u043e\u0442 cat", "\u03b1", "7"]) == [
        "\u043a\u043e\u0442",
        "\u03b1",
    ]
