"""Which labels a text speaks of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from freeseg.words.spelling import plurals
from freeseg.words.vocabularies import Vocabulary


def mentions(texts: Iterable[str], vocabulary: Vocabulary) -> list[int]:
    """The labels that texts speak of, as sorted indices: whole words, in any case, in the singular or the plural.

    The longest alias wins: "hot dog" is not a dog.

    Example:
        >>> mentions(["Two Cats near a hot dog stand"], Vocabulary.of(["cat", "dog", "hot dog"]))
        [0, 2]
        >>> mentions(["Two women with knives"], Vocabulary.of(["woman", "knife"]))
        [0, 1]
    """
    pattern, label_of_form = _matcher(vocabulary)
    found = {
        label_of_form[match.group(1)]
        for text in texts
        for match in pattern.finditer(unicodedata.normalize("NFC", text).casefold())
    }
    return sorted(found)


@cache
def _matcher(vocabulary: Vocabulary) -> tuple[re.Pattern[str], dict[str, int]]:
    """What finds aliases and their plurals in a text, and the label of each form. An alias comes before a plural."""
    owners = {
        alias.casefold(): owner for alias, owner in zip(vocabulary.aliases, vocabulary.label_of_alias, strict=True)
    }
    label_of_form = {form: owner for alias, owner in owners.items() for form in plurals(alias)} | owners
    longest_first = sorted(label_of_form, key=len, reverse=True)
    # Not \b: an alias may begin or end with something else than a letter, as "c++" or an emoji does.
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)"), label_of_form
