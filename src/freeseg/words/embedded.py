"""The words of one job as a model knows them, and what a photo says to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class EmbeddedVocabulary(NamedTuple):
    """The text embeddings of one vocabulary: aliases of the labels, then background words that mean none of them.

    "grass" is background until someone asks for "lawn": then it would only take its pixels.
    Who asks for "grass" itself asks for a word of the background, with the margin that the background has.
    """

    embeddings: Tensor  # (A + K, D), unit vectors
    label_of_alias: Tensor  # (A,), the label of each alias
    names: tuple[str, ...]
    is_background_word: Tensor  # (N,) bool, which labels are background words themselves
    background: Tensor  # (M, D), all background words, those that mean a label as well
    synonym_of: Tensor  # (M, N) bool, which labels each of these means

    @classmethod
    def of(
        cls,
        aliases: Tensor,
        label_of_alias: Tensor,
        names: tuple[str, ...],
        is_background_word: Tensor,
        background: Tensor,
        synonym_of: Tensor,
    ) -> EmbeddedVocabulary:
        """The words of labels: aliases (A, D), and the others as the fields are."""
        return cls(
            torch.cat([aliases, background[~synonym_of.any(dim=1)]]),
            label_of_alias,
            names,
            is_background_word,
            background,
            synonym_of,
        )

    @property
    def aliases(self) -> Tensor:
        """The aliases' embeddings, (A, D)."""
        return self.embeddings[: len(self.label_of_alias)]

    @property
    def all_texts(self) -> Tensor:
        """Aliases, then all background words, those that mean a label as well: (A + M, D)."""
        return torch.cat([self.aliases, self.background])

    def restrict_to(self, labels: Sequence[int]) -> EmbeddedVocabulary:
        """The words for a photo that shows no other labels than these; what means another one is background again."""
        chosen = torch.tensor(labels, dtype=torch.int64, device=self.label_of_alias.device)
        label_of_alias, rows = torch.nonzero(
            chosen[:, None] == self.label_of_alias, as_tuple=True
        )  # label by label, as they are named
        names = tuple(self.names[label] for label in labels)
        return EmbeddedVocabulary.of(
            self.embeddings[rows],
            label_of_alias,
            names,
            self.is_background_word[chosen],
            self.background,
            self.synonym_of[:, chosen],
        )


class SimilarityMaps(NamedTuple):
    """What a photo says to a vocabulary: cosines of labels (N, h, w) and of background words (K, h, w)."""

    labels: Tensor
    background: Tensor

    def restrict_to(self, labels: Sequence[int], synonym_of: Tensor) -> SimilarityMaps:
        """The maps of `EmbeddedVocabulary.restrict_to`, from those of all labels and of all background words.

        Args:
            labels: The labels that are left.
            synonym_of: (M, N) bool, which labels each background word means.
        """
        chosen = torch.tensor(labels, dtype=torch.int64, device=self.labels.device)
        return SimilarityMaps(self.labels[chosen], self.background[~synonym_of[:, chosen].any(dim=1)])
