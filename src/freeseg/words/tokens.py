"""What all text towers do alike, whatever runs them: batches of like length, and which text is cut or unknown."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from freeseg.errors import one_line, shortened

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BATCH = 64  # texts that are embedded at once


def batches_of_like_length(texts: Sequence[str], batch_size: int = BATCH) -> Iterator[list[int]]:
    """The places of texts in batches, those of like length together, so that little padding is computed.

    Example:
        >>> list(batches_of_like_length(["three", "a", "to"], 2))
        [[1, 2], [0]]
    """
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for start in range(0, len(texts), batch_size):
        yield order[start : start + batch_size]


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
        >>> from tokenizers import Tokenizer
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
