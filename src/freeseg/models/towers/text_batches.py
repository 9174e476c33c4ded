"""What all text towers in PyTorch do alike: embed texts in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from freeseg.words.tokens import batches_of_like_length


def embed_in_batches(
    embed: Callable[[list[str]], Tensor], texts: Sequence[str], *, channels: int, batch_size: int
) -> Tensor:
    """Embed texts, those of like length together, so that little padding is computed.

    Args:
        embed: Texts -> (N, channels), on any device.
        texts: The texts, in any order.
        channels: Width of the embeddings.
        batch_size: How many texts are embedded at once.

    Returns:
        (N, channels) float32 on the CPU, in the order of the texts; ordinary tensors, which a training may use.

    Example:
        >>> lengths = lambda texts: torch.tensor([[float(len(text))] for text in texts])
        >>> embed_in_batches(lengths, ["three", "a", "to"], channels=1, batch_size=2).flatten().tolist()
        [5.0, 1.0, 2.0]
    """
    embeddings = torch.empty(len(texts), channels)
    with torch.inference_mode():
        for chosen in batches_of_like_length(texts, batch_size):
            embeddings[chosen] = embed([texts[place] for place in chosen]).cpu()
    return embeddings.clone()
