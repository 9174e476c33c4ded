"""The vocabulary of the free masks as tensors, for losses that have gradients."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from freeseg.words.embedded import EmbeddedVocabulary


class VocabularyTensors(NamedTuple):
    """An `EmbeddedVocabulary` on a device.

    Attributes:
        texts: Unit vectors of the aliases, then of all background words, (A + M, D).
        label_of_alias: The label of each alias, (A,).
        is_background_word: Which labels are background words themselves, (N,) bool.
        left_out_by: Which labels each background word is left out by: they mean it, or cover it. (M, N) bool.
    """

    texts: Tensor
    label_of_alias: Tensor
    is_background_word: Tensor
    left_out_by: Tensor

    @classmethod
    def of(cls, words: EmbeddedVocabulary, device: torch.device) -> VocabularyTensors:
        """The tensors of a vocabulary."""
        arrays = (words.all_texts, words.label_of_alias, words.is_background_word, words.left_out_by)
        return cls(*(torch.from_numpy(array).to(device) for array in arrays))

    def restrict_to(self, labels: Tensor) -> VocabularyTensors:
        """The vocabulary of some labels only, by index and in this order; all background words stay."""
        label_of_alias, rows = torch.nonzero(labels[:, None] == self.label_of_alias, as_tuple=True)
        background = self.texts[len(self.label_of_alias) :]
        return VocabularyTensors(
            torch.cat([self.texts[rows], background]),
            label_of_alias,
            self.is_background_word[labels],
            self.left_out_by[:, labels],
        )
