"""The vocabulary of one job as a model knows it, and what a photo says to each of its words."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import merge_aliases
from freeseg.errors import LabelError, shortened
from freeseg.words.vocabularies import Vocabulary

Rows = NDArray[np.float32]
SAME = 1e-5  # how far the cosine of equal embeddings may be from 1: they may come from batches of different lengths
BLOCK = 1024  # rows of cosines that are in memory at once
SHOWN_UNKNOWN = 3  # words in a warning


class WordEmbeddings(NamedTuple):
    """Prompt-averaged unit vectors of some words.

    Attributes:
        joint: (W, D), in the space that words share with patches.
        tower: (W, T), in the text tower's own space, where words of the same meaning are near.
    """

    joint: Rows
    tower: Rows


EmbedWords = Callable[[Sequence[str], Sequence[str]], WordEmbeddings]  # words, prompt templates -> their embeddings


class EmbeddedVocabulary(NamedTuple):
    """The text embeddings of one vocabulary: aliases of the labels, then background words that mean none of them.

    "grass" is background until someone asks for "lawn", and "building" until someone asks for "temple", which covers
    it: then they would only take their pixels.
    Who asks for "grass" itself asks for a word of the background, with the margin that the background has.

    Attributes:
        embeddings: (A + K, D), unit vectors: the aliases, then the background words that no label means or covers.
        label_of_alias: (A,), the label of each alias.
        names: The labels, N of them.
        is_background_word: (N,), which labels are background words themselves.
        background: (M, D), all background words.
        left_out_by: (M, N), which labels each of these is left out by: they mean it, or cover it.
    """

    embeddings: Rows
    label_of_alias: NDArray[np.int64]
    names: tuple[str, ...]
    is_background_word: NDArray[np.bool_]
    background: Rows
    left_out_by: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        aliases: Rows,
        label_of_alias: NDArray[np.int64],
        names: tuple[str, ...],
        is_background_word: NDArray[np.bool_],
        background: Rows,
        left_out_by: NDArray[np.bool_],
    ) -> EmbeddedVocabulary:
        """The vocabulary of labels whose aliases (A, D) are embedded; the rest is as in the attributes."""
        embeddings = np.concatenate([aliases, background[~left_out_by.any(axis=1)]])
        return cls(embeddings, label_of_alias, names, is_background_word, background, left_out_by)

    @property
    def aliases(self) -> Rows:
        """The aliases' embeddings, (A, D)."""
        return self.embeddings[: len(self.label_of_alias)]

    @property
    def all_texts(self) -> Rows:
        """Aliases, then all background words, those that mean a label as well: (A + M, D)."""
        return np.concatenate([self.aliases, self.background])

    def merged(self, cosines: NDArray[np.float32]) -> SimilarityMaps:
        """Cosines with aliases and then with background words (A + K, ...), as those of labels and of the others."""
        aliases = len(self.label_of_alias)
        return SimilarityMaps(merge_aliases(cosines[:aliases], self.label_of_alias), cosines[aliases:])

    def restrict_to(self, labels: Sequence[int]) -> EmbeddedVocabulary:
        """The vocabulary for a photo that shows no other labels than these: a word for another one is background again.

        Args:
            labels: Indices of labels; the result has them in this order.
        """
        chosen = np.asarray(labels, np.int64)
        label_of_alias, rows = np.nonzero(chosen[:, None] == self.label_of_alias)  # label by label, as they are named
        return EmbeddedVocabulary.of(
            self.embeddings[rows],
            label_of_alias,
            tuple(self.names[label] for label in labels),
            self.is_background_word[chosen],
            self.background,
            self.left_out_by[:, chosen],
        )


class SimilarityMaps(NamedTuple):
    """What a photo says to a vocabulary: cosines of labels (N, h, w) and of background words (K, h, w)."""

    labels: NDArray[np.float32]
    background: NDArray[np.float32]

    def restrict_to(self, labels: Sequence[int], left_out_by: NDArray[np.bool_]) -> SimilarityMaps:
        """The maps of `EmbeddedVocabulary.restrict_to`, from those of all labels and of all background words.

        Args:
            labels: The labels that are left.
            left_out_by: (M, N), which labels each background word means.
        """
        chosen = np.asarray(labels, np.int64)
        return SimilarityMaps(self.labels[chosen], self.background[~left_out_by[:, chosen].any(axis=1)])


def embed_vocabulary(vocabulary: Vocabulary, embed: EmbedWords, same_meaning: float) -> EmbeddedVocabulary:
    """Embed the labels and the background words of a job.

    Args:
        vocabulary: The labels, background words and prompt templates.
        embed: Embeds words; an engine's `embed_words`.
        same_meaning: Cosine of words, in the text tower's own space, from which on a background word means a label.

    Raises:
        LabelError: Two labels are the same to the model, so that the first would take every pixel of both.
    """
    aliases = embed(vocabulary.aliases, vocabulary.templates)
    label_of_alias = np.array(vocabulary.label_of_alias, np.int64)
    if pair := _same_to_the_model(aliases.tower, label_of_alias):
        first, second = (shortened(vocabulary.aliases[place]) for place in pair)
        raise LabelError(f"labels {first} and {second} are the same to the model; leave one out, or use other words")
    background = aliases.joint[:0]
    left_out_by = np.zeros((0, len(vocabulary.names)), np.bool_)
    if vocabulary.background_words:
        background, tower = embed(vocabulary.background_words, vocabulary.templates)
        left_out_by = same_meaning <= merge_aliases(aliases.tower @ tower.T, label_of_alias).T
        left_out_by |= np.array(vocabulary.covers, np.bool_)
    is_background_word = np.array(vocabulary.is_background_word, np.bool_)
    return EmbeddedVocabulary.of(
        aliases.joint, label_of_alias, vocabulary.names, is_background_word, background, left_out_by
    )


def warn_of_unknown(words: Sequence[str]) -> None:
    """Warn of words that the model cannot read.

    Args:
        words: The words; without any, there is no warning.
    """
    if words:
        shown = ", ".join(map(shortened, words[:SHOWN_UNKNOWN])) + ", ..." * (len(words) > SHOWN_UNKNOWN)
        some = "a word" if len(words) == 1 else f"{len(words)} words"
        warnings.warn(f"the model cannot read {some}, so its answer means nothing: {shown}", stacklevel=3)


def _same_to_the_model(aliases: Rows, label_of_alias: NDArray[np.int64]) -> tuple[int, int] | None:
    """The first two aliases (A, D) of different labels that have the same embedding; None where there are none."""
    for start in range(0, len(aliases), BLOCK):
        rows, columns = np.nonzero(aliases[start : start + BLOCK] @ aliases.T > 1 - SAME)
        rows += start
        different = (rows < columns) & (label_of_alias[rows] != label_of_alias[columns])
        if different.any():
            place = int(different.argmax())
            return int(rows[place]), int(columns[place])
    return None


def average_prompts(embeddings: Rows, words: int) -> Rows:
    """The unit mean over each word's prompts: (words * templates, D), a word's prompts together -> (words, D).

    Example:
        >>> average_prompts(np.eye(2, dtype=np.float32), 1).round(3).tolist()
        [[0.7070000171661377, 0.7070000171661377]]
    """
    mean = embeddings.reshape(words, -1, embeddings.shape[1]).mean(axis=1)
    return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12), np.float32)
