"""Vocabularies: the labels of one job, with aliases, prompt templates and background words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from freeseg.errors import LabelError
from freeseg.mask_values import BACKGROUND

MAX_CHARACTERS = 10_000
MAX_LABELS = 65_534  # 16 bits, less the background and "don't know"
SHOWN = 40

# Averaging a few neutral sentences steadies the embedding of a bare word (CLIP, arXiv 2103.00020, 3.1.4).
TEMPLATES = ("a photo of a {}.", "a picture of the {}.", "there is a {} in the scene.", "{}")


@dataclass(frozen=True)
class Label:
    """One label and the words that mean it; the first word is its name."""

    aliases: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the label is called in results."""
        return self.aliases[0]


@dataclass(frozen=True)
class Vocabulary:
    """The labels of one job.

    Attributes:
        labels: What may appear in a mask, in order.
        background_words: What else may be in a photo; they compete with the labels and lose to nobody
            in particular: their pixels are background. Words that mean a label are left out by the model.
        templates: Prompt templates, each with one `{}`; a text embedding is averaged over them.

    Example:
        >>> vocabulary = Vocabulary.of(["cat", "sofa|couch|settee"])
        >>> vocabulary.names
        ('cat', 'sofa')
        >>> vocabulary.labels[1].aliases
        ('sofa', 'couch', 'settee')
    """

    labels: tuple[Label, ...]
    background_words: tuple[str, ...] = ()
    templates: tuple[str, ...] = TEMPLATES

    def __post_init__(self) -> None:
        if not self.labels:
            raise LabelError("no labels were given; name at least one, for example: cat, sofa|couch")
        seen: dict[str, str] = {}
        for label in self.labels:
            for alias in label.aliases:
                key = alias.casefold()
                if key in seen:
                    other = seen[key]
                    where = "twice" if other == label.name else f"under both {_short(other)} and {_short(label.name)}"
                    raise LabelError(f"label {_short(alias)} is given {where}; name it once")
                seen[key] = label.name
        if len(self.labels) > MAX_LABELS:
            raise LabelError(f"{len(self.labels):,} labels were given; a mask can tell {MAX_LABELS:,} apart")
        if BACKGROUND in (label.name.casefold() for label in self.labels):
            raise LabelError(f"{BACKGROUND!r} is not a label; turn the background on or off instead")
        for template in self.templates:
            if template.count("{}") != 1:
                raise LabelError(f"template {_short(template)} must hold {{}} once")
        if not self.templates:
            raise LabelError("no prompt templates were given; use at least '{}'")

    @classmethod
    def of(cls, labels: Vocabulary | str | Iterable[str], background_words: Sequence[str] | None = None) -> Vocabulary:
        """A vocabulary from what a user writes: `"cat, sofa|couch"` or `["cat", "sofa|couch"]`.

        `|` separates the aliases of one label. A single string is split at commas.

        Raises:
            LabelError: No labels; an empty, duplicate or overlong one; not text.
        """
        if isinstance(labels, Vocabulary):
            return labels
        texts = labels.split(",") if isinstance(labels, str) else list(labels)
        parsed = tuple(_parse(text) for text in texts)
        return cls(parsed, default_background() if background_words is None else _words(background_words))

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in order."""
        return tuple(label.name for label in self.labels)

    @property
    def aliases(self) -> tuple[str, ...]:
        """All aliases of all labels, in order."""
        return tuple(alias for label in self.labels for alias in label.aliases)

    @property
    def label_of_alias(self) -> tuple[int, ...]:
        """For each of `aliases`, the index of its label."""
        return tuple(i for i, label in enumerate(self.labels) for _ in label.aliases)

    @property
    def is_background_word(self) -> tuple[bool, ...]:
        """For each label, whether one of its aliases is itself among the background words: sky, grass, wall.

        Example:
            >>> Vocabulary.of(["cat", "lawn|grass"]).is_background_word
            (False, True)
        """
        known = {word.casefold() for word in self.background_words}
        return tuple(any(alias.casefold() in known for alias in label.aliases) for label in self.labels)

    def prompts(self, words: Sequence[str]) -> list[str]:
        """Every word in every template: len(words) * len(templates) texts, a word's texts together."""
        return [template.replace("{}", word) for word in words for template in self.templates]

    def with_background_words(self, words: Sequence[str]) -> Vocabulary:
        """The same labels against other background words."""
        return replace(self, background_words=_words(words))


def vocabulary(name: str) -> Vocabulary:
    """A vocabulary that ships with FreeSeg, by name.

    Raises:
        LabelError: No such vocabulary; the message lists those there are.

    Example:
        >>> len(vocabulary("voc20").labels)
        20
    """
    table = _tables().get(name)
    if table is None:
        raise LabelError(f"no vocabulary is called {_short(name)}; there are: {', '.join(names())}")
    return Vocabulary(tuple(_parse(text) for text in table), default_background())


def names() -> tuple[str, ...]:
    """The vocabularies that ship with FreeSeg.

    Example:
        >>> "voc21" in names()
        True
    """
    return tuple(sorted(_tables()))


def mentions(texts: Iterable[str], vocabulary: Vocabulary) -> list[int]:
    """The labels that texts speak of, as sorted indices: whole words, any case, a plural -s or -es allowed.

    The longest alias wins: "hot dog" is not a dog.

    Example:
        >>> mentions(["Two Cats near a hot dog stand"], Vocabulary.of(["cat", "dog", "hot dog"]))
        [0, 2]
    """
    pattern, label_of_alias = _matcher(vocabulary)
    found = {label_of_alias[match.group(1)] for text in texts for match in pattern.finditer(text.casefold())}
    return sorted(found)


@cache
def _matcher(vocabulary: Vocabulary) -> tuple[re.Pattern[str], dict[str, int]]:
    label_of_alias = {
        alias.casefold(): owner for alias, owner in zip(vocabulary.aliases, vocabulary.label_of_alias, strict=True)
    }
    longest_first = sorted(label_of_alias, key=len, reverse=True)
    # Not \b: an alias may begin or end with something else than a letter, as "c++" or an emoji does.
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?:e?s)?(?!\w)"), label_of_alias


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
        raise LabelError(f"no templates are called {_short(name)}; there are: {', '.join(sorted(tables))}")
    return tuple(tables[name])


def default_background() -> tuple[str, ...]:
    """The background words used where a job names none."""
    return tuple(_read("background.toml")["words"])


@cache
def _tables() -> dict[str, list[str]]:
    tables = _read("vocabularies.toml")
    return {**tables, "voc21": tables["voc20"]}


def _read(file: str) -> dict[str, list[str]]:
    return tomllib.loads(resources.files("freeseg.words").joinpath(file).read_text(encoding="utf-8"))


def _words(words: Sequence[str]) -> tuple[str, ...]:
    """Background words, as a user may write them too: "sky, grass"."""
    return tuple(word.strip() for word in words.split(",")) if isinstance(words, str) else tuple(words)


def _parse(text: object) -> Label:
    if not isinstance(text, str):
        raise LabelError(f"a label must be text, not {type(text).__name__}: {_short(str(text))}")
    if any("\ud800" <= character <= "\udfff" for character in text):  # a terminal's bytes that are no UTF-8
        raise LabelError(f"label {_short(text)} holds bytes that are no text; type it again")
    aliases = tuple(" ".join(alias.split()) for alias in text.split("|"))
    if not all(aliases):
        raise LabelError(f"an empty label or alias was given in {_short(text)}; remove the extra comma or |")
    for alias in aliases:
        if len(alias) > MAX_CHARACTERS:
            raise LabelError(f"label {_short(alias)} has {len(alias):,} characters; use at most {MAX_CHARACTERS:,}")
    return Label(aliases)


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
