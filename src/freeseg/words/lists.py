"""The lists of words that ship with FreeSeg, read from TOML files: labels, background words, prompt templates."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, TypeGuard

from freeseg.errors import LabelError, shortened
from freeseg.words.spelling import plurals, word_key

# Averaging a few neutral sentences steadies the embedding of a bare word (CLIP, arXiv 2103.00020, 3.1.4).
TEMPLATES = ("a photo of a {}.", "a picture of the {}.", "there is a {} in the scene.", "{}")

# What comes after one of these says where a thing is, or what is in it, and not what it is.
JOINING_WORDS = frozenset(
    ["of", "in", "on", "at", "by", "with", "without", "near", "under", "over", "behind", "from", "for", "and"]
)


def label_list(name: str) -> tuple[str, ...]:
    """The labels of a list by its name, each with its aliases: `"sofa|couch"`.

    Raises:
        LabelError: There is no such list; the message names those there are.

    Example:
        >>> label_list("voc20")[2]
        'bird'
    """
    table = _tables().get(name)
    if table is None:
        raise LabelError(f"no vocabulary is called {shortened(name)}; there are: {', '.join(names())}")
    return tuple(table)


def names() -> tuple[str, ...]:
    """The vocabularies that ship with FreeSeg.

    Example:
        >>> "voc21" in names()
        True
    """
    return tuple(sorted(_tables()))


def is_list_name(labels: object) -> TypeGuard[str]:
    """Whether labels are the name of a list that ships with FreeSeg.

    Example:
        >>> is_list_name(" common "), is_list_name("cat, dog")
        (True, False)
    """
    return isinstance(labels, str) and labels.strip() in _tables()


def templates(name: str) -> tuple[str, ...]:
    """Prompt templates by name: "freeseg", FreeSeg's own, or "imagenet", the 80 that CLIP used on ImageNet.

    Raises:
        LabelError: No such templates; the message lists those there are.

    Example:
        >>> len(templates("imagenet"))
        80
    """
    tables = {"freeseg": TEMPLATES, **_read("templates.toml")}
    if name not in tables:
        raise LabelError(f"no templates are called {shortened(name)}; there are: {', '.join(sorted(tables))}")
    return tuple(tables[name])


@cache
def default_background() -> tuple[str, ...]:
    """The background words used where a job names none."""
    return tuple(_read("background.toml")["words"])


def covered_words(label: str) -> frozenset[str]:
    """The background words that a label covers without meaning the same.

    Example:
        >>> [sorted(covered_words(label)) for label in ("temple", "Old churches on a hill", "church bell")]
        [['building', 'house'], ['building', 'house'], []]
    """
    words = word_key(label).split()
    end = next((place for place, word in enumerate(words) if place and word in JOINING_WORDS), len(words))
    heads = (" ".join(words[start:end]) for start in range(end))  # "old churches" are churches, wherever they are
    return frozenset[str]().union(*(_covered().get(head, ()) for head in heads))


@cache
def _covered() -> dict[str, set[str]]:
    covered: dict[str, set[str]] = {}
    for entry in _read("background.toml")["covers"]:
        for label in entry["labels"]:
            for form in (label, *plurals(label)):
                covered.setdefault(form, set()).update(entry["words"])
    return covered


@cache
def _tables() -> dict[str, list[str]]:
    tables = _read("vocabularies.toml")
    return {**tables, "voc21": tables["voc20"]}


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("freeseg.words").joinpath(file).read_text(encoding="utf-8"))
