"""What all text towers do alike: embed texts in batches of like length, and say which text was cut."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from freeseg.errors import one_line
from freeseg.words.lists import shortened


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
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    embeddings = torch.empty(len(texts), channels)
    with torch.inference_mode():
        for start in range(0, len(texts), batch_size):
            chosen = order[start : start + batch_size]
            embeddings[chosen] = embed([texts[i] for i in chosen]).cpu()
    return embeddings.clone()


def warn_of_cut(texts: Sequence[str], *, tokens: int) -> None:
    """Warn that texts were cut, naming the first one: the prompts of a label are cut together.

    Args:
        texts: The texts that were cut; without any, there is no warning.
        tokens: How many tokens a text may have.
    """
    if texts:
        warnings.warn(f"a text was cut after {tokens} tokens: {shortened(one_line(texts[0]))}", stacklevel=2)


class KnownTokens:
    """Which texts a tokenizer knows something of.

    Args:
        tokenizer: The tokenizer.

    Example:
        >>> from tokenizers.models import WordLevel
        >>> known = KnownTokens(Tokenizer(WordLevel({"[UNK]": 0, "cat": 1}, unk_token="[UNK]")))
        >>> known.unknown(["cat", "dog"])
        ['dog']
    """

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        name = getattr(tokenizer.model, "unk_token", None)
        if name is not None:
            self._unknown = tokenizer.token_to_id(name)
        else:  # a Unigram model has a number in place of a name, which nothing but its JSON tells
            self._unknown = json.loads(tokenizer.to_str())["model"].get("unk_id")

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts of which every token is the one for what is unknown; texts without tokens are among them.

        A tokenizer of bytes, as CLIP's, knows every text.
        """
        if not texts:
            return []
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            text
            for text, encoding in zip(texts, encodings, strict=True)
            if all(
                token == self._unknown
                for token, shown in zip(encoding.ids, encoding.attention_mask, strict=True)
                if shown  # the others fill up the batch
            )
        ]
