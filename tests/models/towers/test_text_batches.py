"""Texts in PyTorch in batches of like length."""

from __future__ import annotations

import torch

from freeseg.models.towers.text_batches import embed_in_batches


def test_like_lengths_go_together_and_the_order_is_kept() -> None:
    batches: list[list[str]] = []

    def embed(texts: list[str]) -> torch.Tensor:
        batches.append(texts)
        return torch.tensor([[float(len(text)), float(text.count("a"))] for text in texts])

    found = embed_in_batches(embed, ["aaaa", "b", "aab", "ab"], channels=2, batch_size=2)
    assert batches == [["b", "ab"], ["aab", "aaaa"]]
    assert found.tolist() == [[4.0, 4.0], [1.0, 0.0], [3.0, 2.0], [2.0, 1.0]]
    assert not found.is_inference()  # a later training may use them
