"""The words of one job as a model knows them, and what a photo says to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Words(NamedTuple):
    """The text embeddings of one vocabulary: aliases of the labels, then background words that mean none of them.

    "grass" is background until someone asks for "lawn": then it would only take its pixels.
    Who asks for "grass" itself asks for a word of the background, with the margin that the background has.
    """

    embeddings: Tensor  # (A + K, D), unit vectors
    owners: Tensor  # (A,), the label of each alias
    names: tuple[str, ...]
    stuff: Tensor  # (N,) bool, which labels are background words themselves
    background: Tensor  # (M, D), all background words, those that mean a label as well
    meant: Tensor  # (M, N) bool, which labels each of these means

    @classmethod
    def of(
        cls,
        aliases: Tensor,
        owners: Tensor,
        names: tuple[str, ...],
        stuff: Tensor,
        background: Tensor,
        meant: Tensor,
    ) -> Words:
        """The words of labels: aliases (A, D), and the others as the fields are."""
        return cls(torch.cat([aliases, background[~meant.any(dim=1)]]), owners, names, stuff, background, meant)

    @property
    def aliases(self) -> Tensor:
        """The aliases' embeddings, (A, D)."""
        return self.embeddings[: len(self.owners)]

    @property
    def all_texts(self) -> Tensor:
        """Aliases, then all background words, those that mean a label as well: (A + M, D)."""
        return torch.cat([self.aliases, self.background])

    def only(self, labels: Sequence[int]) -> Words:
        """The words for a photo that shows no other labels than these; what means another one is background again."""
        chosen = torch.tensor(labels, dtype=torch.int64, device=self.owners.device)
        owners, rows = torch.nonzero(chosen[:, None] == self.owners, as_tuple=True)  # label by label, as they are named
        names = tuple(self.names[label] for label in labels)
        return Words.of(
            self.embeddings[rows], owners, names, self.stuff[chosen], self.background, self.meant[:, chosen]
        )


class Maps(NamedTuple):
    """What a photo says to a vocabulary: cosines of labels (N, h, w) and of background words (K, h, w)."""

    labels: Tensor
    background: Tensor

    def only(self, labels: Sequence[int], meant: Tensor) -> Maps:
        """The maps of `Words.only`, from those of all labels and of all background words.

        Args:
            labels: The labels that are left.
            meant: (M, N) bool, which labels each background word means.
        """
        chosen = torch.tensor(labels, dtype=torch.int64, device=self.labels.device)
        return Maps(self.labels[chosen], self.background[~meant[:, chosen].any(dim=1)])
