"""Which labels a text speaks of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from freeseg.words.everyday import words_not_meant
from freeseg.words.spelling import plurals
from freeseg.words.vocabularies import Vocabulary


def mentions(texts: Iterable[str], vocabulary: Vocabulary) -> list[int]:
    """The labels that texts speak of, as sorted indices: whole words, in any case, in the singular or the plural.

    The longest alias wins, and a word does not count in a phrase that means another thing: a hot dog is no dog
    (`everyday_words.toml`).

    Example:
        >>> mentions(["Two Cats near a hot dog stand"], Vocabulary.of(["cat", "dog", "hot dog"]))
        [0, 2]
        >>> mentions(["Two women at a train station eat hot dogs"], Vocabulary.of(["woman", "train", "dog"]))
        [0]
    """
    matcher = _matcher(vocabulary)
    found = {
        matcher.label_of_form[match.group(1)]
        for text in texts
        for match in matcher.pattern.finditer(matcher.without_phrases(unicodedata.normalize("NFC", text).casefold()))
    }
    return sorted(found)


class _Matcher(NamedTuple):
    """What finds labels in a text.

    Attributes:
        pattern: Finds aliases and their plurals.
        label_of_form: The label of each of these forms.
        phrases: Finds phrases that hold an alias and mean another thing.
        not_meant: The aliases that are not meant in each of these phrases.
    """

    pattern: re.Pattern[str]
    label_of_form: Mapping[str, int]
    phrases: re.Pattern[str]
    not_meant: Mapping[str, tuple[str, ...]]

    def without_phrases(self, text: str) -> str:
        """A text without the words that are not meant."""
        return self.phrases.sub(self._meant, text) if self.not_meant else text

    def _meant(self, phrase: re.Match[str]) -> str:
        words = self.not_meant[phrase[1]]
        return " ".join(each for each in phrase[1].split() if not each.startswith(words))


@cache
def _matcher(vocabulary: Vocabulary) -> _Matcher:
    """The matcher of a vocabulary. An alias comes before a plural of another one, and before a phrase."""
    owners = {
        alias.casefold(): owner for alias, owner in zip(vocabulary.aliases, vocabulary.label_of_alias, strict=True)
    }
    label_of_form = {form: owner for alias, owner in owners.items() for form in plurals(alias)} | owners
    not_meant: dict[str, tuple[str, ...]] = {}
    for word, phrases in words_not_meant().items():
        if owners.keys() & {word, *plurals(word)}:
            for form in {form for phrase in phrases for form in (phrase, *plurals(phrase))} - label_of_form.keys():
                not_meant[form] = (*not_meant.get(form, ()), word)
    return _Matcher(_whole_words(label_of_form), label_of_form, _whole_words(not_meant), not_meant)


def _whole_words(forms: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(forms, key=len, reverse=True)
    # Not \b: an alias may begin or end with something else than a letter, as "c++" or an emoji does.
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)")
