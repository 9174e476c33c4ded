"""Everyday words and their other names: a label "sofa" is also looked for as "couch", and "person" as "woman"."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from freeseg.words.spelling import word_key


def with_other_names(labels: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Labels, each a tuple of aliases, where an everyday word that stands alone has its other names as aliases too.

    A label that has aliases already is left as it is: then it was said what it means. A name that is another label, or
    means one, stays with that label.

    Example:
        >>> with_other_names([("person",), ("boy", "lad"), ("sofa",)])
        [('person', 'man', 'woman', 'child', 'girl', 'people'), ('boy', 'lad'), ('sofa', 'couch', 'settee')]
    """
    taken = {word_key(alias) for aliases in labels for alias in aliases}
    widened = []
    for aliases in labels:
        names = other_names(aliases[0]) if len(aliases) == 1 else ()
        added = [name for name in names if word_key(name) not in taken]
        taken.update(map(word_key, added))
        widened.append((*aliases, *added))
    return widened


def other_names(word: str) -> tuple[str, ...]:
    """Other names for what a word means, or examples of it; none where FreeSeg does not know any.

    Example:
        >>> other_names("person")[0], other_names("Couch"), other_names("diningtable")
        ('man', ('sofa', 'settee'), ('dining table', 'dinner table'))
    """
    return tuple(name for name in _known().get(_compact(word), ()) if word_key(name) != word_key(word))


@cache
def _known() -> Mapping[str, tuple[str, ...]]:
    table = tomllib.loads(resources.files("freeseg.words").joinpath("everyday_words.toml").read_text(encoding="utf-8"))
    examples = {_compact(word): tuple(names) for word, names in table["examples"].items()}
    return examples | {_compact(word): tuple(group) for group in table["names"] for word in group}


def _compact(word: str) -> str:
    """What is equal for a word written as one, with a hyphen, or as two: "tshirt", "t-shirt" and "t shirt"."""
    return word_key(word).replace("-", "").replace(" ", "")
