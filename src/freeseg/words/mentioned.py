"""Which labels a text speaks of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from freeseg.words.vocabularies import Vocabulary


def mentions(texts: Iterable[str], vocabulary: Vocabulary) -> list[int]:
    """The labels that texts speak of, as sorted indices: whole words, any case, a plural -s or -es allowed.

    The longest alias wins: "hot dog" is not a dog.

    Example:
        >>> mentions(["Two Cats near a hot dog stand"], Vocabulary.of(["cat", "dog", "hot dog"]))
        [0, 2]
    """
    pattern, label_of_alias = _matcher(vocabulary)
    found = {
        label_of_alias[match.group(1)]
        for text in texts
        for match in pattern.finditer(unicodedata.normalize("NFC", text).casefold())
    }
    return sorted(found)


@cache
def _matcher(vocabulary: Vocabulary) -> tuple[re.Pattern[str], dict[str, int]]:
    label_of_alias = {
        alias.casefold(): owner for alias, owner in zip(vocabulary.aliases, vocabulary.label_of_alias, strict=True)
    }
    longest_first = sorted(label_of_alias, key=len, reverse=True)
    # Not \b: an alias may begin or end with something else than a letter, as "c++" or an emoji does.
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?:e?s)?(?!\w)"), label_of_alias
