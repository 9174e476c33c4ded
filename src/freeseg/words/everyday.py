"""Everyday words and their other names: a label "sofa" is also looked for as "couch", and "person" as "woman"."""

from __future__ import annotations

import tomllib
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from freeseg.words.spelling import plurals, word_key


def with_other_names(labels: Sequence[tuple[str, ...]], exact: Collection[int] = ()) -> list[tuple[str, ...]]:
    """Labels, each a tuple of aliases, where an everyday word that stands alone has its other names as aliases too.

    A label that has aliases already is left as it is: then it was said what it means. A name that is another label, or
    means one, stays with that label.

    Args:
        labels: The aliases of each label.
        exact: Which of them, by their indices, are left as they are although they have one name.

    Example:
        >>> with_other_names([("person",), ("boy", "lad"), ("kid",)])
        [('person', 'man', 'woman', 'girl', 'people'), ('boy', 'lad'), ('kid', 'child')]
        >>> with_other_names([("person",), ("kid",)], exact=[0])
        [('person',), ('kid', 'child')]
    """
    spelled = [{_compact(alias) for alias in aliases} for aliases in labels]
    same = [{_compact(name) for alias in aliases for name in _same(alias)} for aliases in labels]
    spelled_by, meant_by = (Counter(key for keys in each for key in keys) for each in (spelled, same))
    widened, given = [], set[str]()
    for index, (aliases, own, meant) in enumerate(zip(labels, spelled, same, strict=True)):
        added = []
        for name in other_names(aliases[0]) if len(aliases) == 1 and index not in exact else ():
            key = _compact(name)
            taken = key in given or spelled_by[key] > (key in own)
            # A name for the same thing comes before an example of something more general.
            if not taken and (key in meant or not meant_by[key]):
                added.append(name)
        given.update(map(_compact, added))
        widened.append((*aliases, *added))
    return widened


def other_names(word: str) -> tuple[str, ...]:
    """Other names for what a word means, or examples of it; none where FreeSeg does not know any.

    Example:
        >>> other_names("person")[0], other_names("Couch"), other_names("diningtable")
        ('man', ('sofa', 'settee'), ('dining table', 'dinner table'))
    """
    return _same(word) or _known().examples.get(_compact(word), ())


def words_not_meant() -> Mapping[str, tuple[str, ...]]:
    """Phrases of captions in which a word does not say that the thing is there, by the word.

    Example:
        >>> words_not_meant()["dog"]
        ('hot dog', 'corn dog', 'prairie dog')
    """
    return _known().not_meant


def _same(word: str) -> tuple[str, ...]:
    """Names for the same thing."""
    return tuple(name for name in _known().names.get(_compact(word), ()) if word_key(name) != word_key(word))


class _Known(NamedTuple):
    """What is known of words: names for the same thing and examples, by their `_compact`; phrases that mislead."""

    names: Mapping[str, tuple[str, ...]]
    examples: Mapping[str, tuple[str, ...]]
    not_meant: Mapping[str, tuple[str, ...]]


@cache
def _known() -> _Known:
    table = tomllib.loads(resources.files("freeseg.words").joinpath("everyday_words.toml").read_text(encoding="utf-8"))
    examples = {
        _compact(form): tuple(names) for word, names in table["examples"].items() for form in (*plurals(word), word)
    }
    names = {_compact(word): tuple(group) for group in table["names"] for word in group}
    return _Known(names, examples, {word: tuple(phrases) for word, phrases in table["not_meant"].items()})


def _compact(word: str) -> str:
    """What is equal for a word with or without accents, and written as one, with a hyphen, or as two: "t-shirt"."""
    letters = unicodedata.normalize("NFKD", word_key(word))
    return "".join(each for each in letters if not (unicodedata.combining(each) or each in "- "))
