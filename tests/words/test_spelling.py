"""Spellings that are the same word: what most texts take a shortcut for is what the long way gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freeseg.words.spelling import visible_text, word_key

INVISIBLE = "\u200b"  # of which a text must go the long way


@given(st.text(st.characters(max_codepoint=0x17F)) | st.text("aB \t\x7f|,", max_size=6))
def test_a_character_that_cannot_be_seen_changes_nothing(text: str) -> None:
    assert visible_text(text) == visible_text(text + INVISIBLE)
    assert word_key(text) == word_key(text + INVISIBLE)


def test_ascii() -> None:
    assert visible_text(" Traffic  light\x7f") == "Traffic light"
    assert word_key("Traffic Light") == word_key(" traffic\tLIGHT ") == "traffic light"
