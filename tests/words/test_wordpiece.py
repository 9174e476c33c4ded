"""The tokens are those of the library `tokenizers`, for every text."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from freeseg.errors import WeightsError
from freeseg.models.towers import minilm
from freeseg.words.wordpiece import MAX_CHARACTERS, WordPiece

PUBLISHED = minilm.TOKENIZER.path()
ODD = [
    "",
    "   ",
    "a photo of a cat.",
    "Crème Brûlée, NAÏVE İstanbul ΣΊΣΥΦΟΣ straße",
    "isn't it? yes/no (maybe) #1 $5 100% C++ a_b",
    "\u732b\u3068\u72ac \u91d1\u9c7c cat\u732bdog",  # Japanese and Chinese for cats, dogs and a goldfish
    "a\tb\r\nc\u00a0d\u2003e\u3000f",
    "soft\u00adhyphen zero\u200bwidth \ufeffmark \ufffd\x00\x07bell",
    "\U0001f600 \U0001f1e9\U0001f1ea emoji",
    "[CLS] [MASK][SEP]x [UNK] [PAD] [cls]",
    "x" * MAX_CHARACTERS + " " + "x" * (MAX_CHARACTERS + 1),
    "cats " * 200,
]


@pytest.fixture(scope="module")
def own() -> WordPiece:
    return WordPiece.from_file(PUBLISHED)


@pytest.fixture(scope="module")
def reference() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(PUBLISHED))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def test_odd_texts(own: WordPiece, reference: Tokenizer) -> None:
    expected = [each.ids for each in reference.encode_batch(ODD, add_special_tokens=False)]
    assert [own.encode(text) for text in ODD] == expected


@given(st.lists(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=("Cs", "Cn", "Mn")), max_size=30)))
@settings(max_examples=100, deadline=None)
def test_any_text(own: WordPiece, reference: Tokenizer, texts: list[str]) -> None:
    expected = [each.ids for each in reference.encode_batch(texts, add_special_tokens=False)]
    for text, tokens in zip(texts, expected, strict=True):
        if not any(is_newer_than_the_library(character) for character in text):
            assert own.encode(text) == tokens


def is_newer_than_the_library(character: str) -> bool:
    """Whether Unicode has added it, or moved it to another category, since version 3.2, which is surely older."""
    return unicodedata.ucd_3_2_0.category(character) != unicodedata.category(character)


@pytest.mark.slow
def test_every_character(own: WordPiece, reference: Tokenizer) -> None:
    """Every seventh of Unicode's characters between two letters, and all of the first ones."""
    numbers = [*range(0x3000), *range(0x3000, 0x110000, 7)]
    characters = [chr(number) for number in numbers if not 0xD800 <= number < 0xE000]
    texts = [f"a{character}b {character}" for character in characters]
    expected = [each.ids for each in reference.encode_batch(texts, add_special_tokens=False)]
    differing = [
        character
        for character, text, tokens in zip(characters, texts, expected, strict=True)
        if own.encode(text) != tokens
    ]
    assert all(is_newer_than_the_library(character) for character in differing)
    assert len(differing) < 0.002 * len(characters)


def test_begin_end_and_truncation_are_the_librarys(own: WordPiece, reference: Tokenizer) -> None:
    for text in ("a cat", "cats " * 200, " ".join(["cat"] * 126)):
        tokens, cut = own.encode_whole(text, most=128)
        whole = reference.encode(text).ids
        assert tokens == (whole if len(whole) <= 128 else [*whole[:127], whole[-1]])
        assert cut == (len(whole) > 128)


def test_what_it_does_not_know(own: WordPiece) -> None:
    assert own.unknown(["cat", "\U0001f600", "\U0001f600 cat", "", "\u732b"]) == ["\U0001f600", "", "\u732b"]


def test_a_word_that_it_can_only_spell_is_not_known(own: WordPiece) -> None:
    spelled = [
        "\u043a\u043e\u0442",
        "\u03b3\u03ac\u03c4\u03b1",
        "\u0642\u0637\u0629",
        "\u092c\u093f\u0932\u094d\u0932\u0940",
        "\u72ac",
    ]
    assert own.unknown([*spelled, "sm\u00f8rrebr\u00f8d", "na\u00efve", "\u043a\u043e\u0442 cat", "7"]) == spelled


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.pop("model"),
        lambda raw: raw["model"].update(type="BPE"),
        lambda raw: raw["normalizer"].update(lowercase=False),
        lambda raw: raw["model"]["vocab"].pop("[UNK]"),
        lambda raw: raw.update(added_tokens=7),
    ],
)
def test_another_kind_is_refused_in_one_line(tmp_path: Path, change: object) -> None:
    raw = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert callable(change)
    change(raw)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(WeightsError, match=r"tokenizer\.json cannot be read \(.*\); install FreeSeg again"):
        WordPiece.from_file(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="install FreeSeg again"):
        WordPiece.from_file(tmp_path / "none.json")
