"""Sentence-BERT (Reimers & Gurevych 2019, arXiv 1908.10084): a text tower that averages BERT's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from freeseg.models.towers.bert import Bert
from freeseg.models.towers.text_batches import embed_in_batches
from freeseg.words.tokens import KnownTokens, warn_of_cut

MAX_TOKENS = 128  # captions and labels are far shorter; MiniLM itself was trained with 128


class SentenceBert(nn.Module):
    """Text -> a unit vector: BERT, mean over tokens, L2-normalised.

    Args:
        bert: The network.
        tokenizer: Its tokenizer.

    Attributes:
        channels: Width of the embeddings.

    Example:
        >>> from freeseg.models.towers.minilm import load_minilm
        >>> load_minilm()(["a cat", "a kitten"]).shape
        torch.Size([2, 384])
    """

    def __init__(self, bert: Bert, tokenizer: Tokenizer):
        super().__init__()
        self.bert = bert
        self.channels = bert.config.hidden_size
        self.tokenizer = tokenizer
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()

    @classmethod
    def from_files(cls, weights: Path, tokenizer: Path) -> SentenceBert:
        """A published tower, frozen, in evaluation mode.

        Args:
            weights: A safetensors file, with the network's config.json beside it.
            tokenizer: A tokenizer.json.
        """
        tower = cls(Bert.from_file(weights), Tokenizer.from_file(str(tokenizer)))
        return tower.eval().requires_grad_(False)

    def forward(self, texts: Sequence[str], batch_size: int = 64) -> Tensor:
        """Texts -> (N, channels) float32 unit vectors on the CPU. Long texts are cut, with a warning that names one."""
        return embed_in_batches(self._embed, texts, channels=self.channels, batch_size=batch_size)

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts of which the tokenizer knows nothing: their embeddings are nearly alike."""
        return self._known_tokens.unknown(texts)

    @cached_property
    def _known_tokens(self) -> KnownTokens:
        return KnownTokens(self.tokenizer)

    def _embed(self, texts: list[str]) -> Tensor:
        encodings = self.tokenizer.encode_batch(texts)
        cut = [text for text, encoding in zip(texts, encodings, strict=True) if encoding.overflowing]
        warn_of_cut(cut, tokens=MAX_TOKENS)
        device = self.bert.embeddings.word_embeddings.weight.device
        ids = torch.tensor([encoding.ids for encoding in encodings], device=device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        tokens = self.bert(ids, mask)
        weight = mask[..., None].to(tokens.dtype)
        return F.normalize((tokens * weight).sum(dim=1) / weight.sum(dim=1), dim=1).float()
