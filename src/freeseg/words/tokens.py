"""What all text towers do alike, whatever runs them: batches of like length, and which text is cut or unknown."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from freeseg.errors import one_line, shortened
from freeseg.words.spelling import is_foreign

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
        """Those of the texts of which the tokenizer knows nothing; texts without tokens are among them.

        Every token of such a text is the one for what is unknown; or the text is in another script than the Latin one,
        and spelled letter by letter, or byte by byte. Models with WordPiece are English ones and know no other script.
        """
        if not texts:
            return []
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        unknown = []
        for text, encoding in zip(texts, encodings, strict=True):
            # Where the mask is 0, a token only fills up the batch.
            tokens = [token for token, shown in zip(encoding.ids, encoding.attention_mask, strict=True) if shown]
            if all(token == self._unknown for token in tokens) or (is_foreign(text) and self._spells_out(tokens)):
                unknown.append(text)
        return unknown

    def _spells_out(self, tokens: Sequence[int]) -> bool:
        """Whether tokens of another script are those of single letters, or of parts of letters."""
        if type(self._tokenizer.model).__name__ == "WordPiece":
            return True
        texts = (self._tokenizer.decode([token], skip_special_tokens=False).strip() for token in tokens)
        return len(tokens) > 1 and all(len(text) <= 1 for text in texts)
