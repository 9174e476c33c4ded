"""The labels of one job, with aliases, prompt templates and background words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from freeseg.errors import LabelError, shortened
from freeseg.mask_values import BACKGROUND
from freeseg.words.everyday import with_other_names
from freeseg.words.lists import TEMPLATES, covered_words, default_background, is_list_name, label_list
from freeseg.words.spelling import visible_text, word_key
from freeseg.words.written import label_texts, split_labels

MAX_CHARACTERS = 10_000
MAX_LABELS = 65_534  # 16 bits, less the background and "don't know"


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
        background_words: What else may be in a photo, such as "sky". They compete with the labels, and a pixel that
            answers best to one of them is background. Those that mean a label are left out, and those that one covers.
        templates: Prompt templates, each with one `{}`; a text embedding is the average over them.

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
                key = word_key(alias)
                if key in seen:
                    other = seen[key]
                    where = (
                        "twice" if other == label.name else f"under both {shortened(other)} and {shortened(label.name)}"
                    )
                    raise LabelError(f"label {shortened(alias)} is given {where}; name it once")
                seen[key] = label.name
        if len(self.labels) > MAX_LABELS:
            raise LabelError(f"{len(self.labels):,} labels were given; a mask can tell {MAX_LABELS:,} apart")
        if BACKGROUND in (label.name.casefold() for label in self.labels):
            raise LabelError(f"{BACKGROUND!r} is not a label; turn the background on or off instead")
        for template in self.templates:
            if template.count("{}") != 1:
                raise LabelError(f"template {shortened(template)} must hold {{}} once")
        if not self.templates:
            raise LabelError("no prompt templates were given; use at least '{}'")

    @classmethod
    def of(
        cls,
        labels: Vocabulary | str | os.PathLike[str] | Iterable[str] | Mapping[str, Iterable[str]],
        background_words: Sequence[str] | None = None,
        *,
        everyday_words: bool = True,
    ) -> Vocabulary:
        """A vocabulary from what a user writes: `"cat, sofa|couch"` or `["cat", "sofa|couch"]`.

        `|` separates the aliases of one label; one at the end, `"sofa|"`, says that there are no others. Words that
        differ only in case, in width, in how their accents are composed, or in characters that cannot be seen are the
        same word.

        Args:
            labels: One of these.

                - A text, whose labels are separated by commas, semicolons, tabs or lines (`"cat; dog"`), or JSON; or
                  the name of a list that ships with FreeSeg.
                - A list, each item one label.
                - A dictionary from labels to their aliases: `{"cat": ["kitten"], "dog": []}`.
                - The `Path` of a file: one label a line, where lines that begin with `#` are comments; or JSON or CSV.
            background_words: See the attribute; None for those that ship with FreeSeg.
            everyday_words: Whether a label that is an everyday word without aliases is looked for by other names of it
                too: "sofa" as "couch", and "person" as "man", "woman" and the like. Captions, from which models learn,
                call a thing by one name or another (`words.everyday`).

        Raises:
            LabelError: No labels; an empty, duplicate or overlong one; not text; a file that cannot be read; or a text
                that seems to hold several labels, separated in another way.

        Example:
            >>> Vocabulary.of({"cat": ["kitten"], "dog": []}).aliases
            ('cat', 'kitten', 'dog')
            >>> Vocabulary.of("person, dog").labels[0].aliases
            ('person', 'man', 'woman', 'child', 'boy', 'girl', 'people')
            >>> Vocabulary.of("person|, dog").labels[0].aliases
            ('person',)
        """
        if isinstance(labels, Vocabulary):
            return labels
        others = default_background() if background_words is None else _split_words(background_words)
        if is_list_name(labels):
            return replace(vocabulary(labels.strip()), background_words=others)
        return cls(parse_labels(label_texts(labels), everyday_words=everyday_words), others)

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
        known = {word_key(word) for word in self.background_words}
        return tuple(any(word_key(alias) in known for alias in label.aliases) for label in self.labels)

    @property
    def covers(self) -> tuple[tuple[bool, ...], ...]:
        """For each background word, which labels cover it: a temple is a building, and a tree has leaves.

        Example:
            >>> Vocabulary.of(["cat", "temple"], ["sky", "building"]).covers
            ((False, False), (False, True))
        """
        covered = [frozenset[str]().union(*map(covered_words, label.aliases)) for label in self.labels]
        return tuple(tuple(key in words for words in covered) for key in map(word_key, self.background_words))

    def prompts(self, words: Sequence[str]) -> list[str]:
        """Every word in every template: len(words) * len(templates) texts, a word's texts together."""
        return [template.replace("{}", word) for word in words for template in self.templates]

    def with_background_words(self, words: Sequence[str]) -> Vocabulary:
        """The same labels against other background words."""
        return replace(self, background_words=_split_words(words))


def vocabulary(name: str) -> Vocabulary:
    """A vocabulary that ships with FreeSeg, by name.

    Raises:
        LabelError: No such vocabulary; the message lists those there are.

    Example:
        >>> len(vocabulary("voc20").labels)
        20
    """
    return Vocabulary(tuple(map(parse_label, label_list(name))), default_background())


def _split_words(words: Sequence[str]) -> tuple[str, ...]:
    """Background words, as a user may write them too: "sky, grass"."""
    return tuple(word.strip() for word in split_labels(words)) if isinstance(words, str) else tuple(words)


def parse_labels(texts: Iterable[object], *, everyday_words: bool = True) -> tuple[Label, ...]:
    """Labels from what a user writes for each of them, and everyday words with their other names.

    Args:
        texts: One for each label, as for `parse_label`.
        everyday_words: As for `Vocabulary.of`.

    Raises:
        LabelError: As for `parse_label`.

    Example:
        >>> [label.aliases for label in parse_labels(["couch", "pants|"])]
        [('couch', 'sofa', 'settee'), ('pants',)]
    """
    written = list(texts)
    labels = tuple(map(parse_label, written))
    if not everyday_words:
        return labels
    exact = {index for index, text in enumerate(written) if _split_aliases(str(text))[1]}
    return tuple(map(Label, with_other_names([label.aliases for label in labels], exact)))


def parse_label(text: object) -> Label:
    """A label from what a user writes for it, `"sofa|couch"`.

    Raises:
        LabelError: It is empty, has an empty alias, is overlong, or is no text.

    Example:
        >>> parse_label(" sofa | couch ").aliases
        ('sofa', 'couch')
    """
    if not isinstance(text, str):
        hint = '; write aliases as "sofa|couch"' if isinstance(text, list | tuple) else ""
        raise LabelError(f"a label must be text, not {type(text).__name__}: {shortened(str(text))}{hint}")
    if any("\ud800" <= character <= "\udfff" for character in text):  # a terminal's bytes that are no UTF-8
        raise LabelError(f"label {shortened(text)} holds bytes that are no text; type it again")
    aliases, _ = _split_aliases(text)
    if not all(map(word_key, aliases)):
        raise LabelError(f"an empty label or alias was given in {shortened(text)}; remove the extra comma or |")
    for alias in aliases:
        if len(alias) > MAX_CHARACTERS:
            raise LabelError(f"label {shortened(alias)} has {len(alias):,} characters; use at most {MAX_CHARACTERS:,}")
    return Label(aliases)


def _split_aliases(text: str) -> tuple[tuple[str, ...], bool]:
    """The aliases of a label, and whether a `|` after them says that there are no others."""
    words = text.replace("\uff5c", "|").split("|")
    exact = len(words) > 1 and not words[-1].strip()
    return tuple(map(visible_text, words[:-1] if exact else words)), exact
