"""General words: a label "person" is also looked for as "man", "woman" and the like, which captions say instead."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from freeseg.words.spelling import word_key


def with_examples(labels: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Labels, each a tuple of aliases, where a general word that stands alone has its examples as aliases too.

    A label that has aliases already is left as it is: then it was said what it means. An example that is another
    label, or means one, stays with that label.

    Example:
        >>> with_examples([("person",), ("boy", "lad")])
        [('person', 'man', 'woman', 'child', 'girl', 'people'), ('boy', 'lad')]
    """
    taken = {word_key(alias) for aliases in labels for alias in aliases}
    widened = []
    for aliases in labels:
        examples = general_words().get(word_key(aliases[0]), ()) if len(aliases) == 1 else ()
        added = [example for example in examples if word_key(example) not in taken]
        taken.update(map(word_key, added))
        widened.append((*aliases, *added))
    return widened


@cache
def general_words() -> Mapping[str, tuple[str, ...]]:
    """The general words that FreeSeg knows, with their examples.

    Example:
        >>> general_words()["person"][0]
        'man'
    """
    text = resources.files("freeseg.words").joinpath("general_words.toml").read_text(encoding="utf-8")
    return {word_key(word): tuple(examples) for word, examples in tomllib.loads(text).items()}
