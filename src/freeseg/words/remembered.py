"""Embeddings of words in memory: a label that comes to a list costs its own words, not those of the whole list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freeseg.words.embedded import EmbedWords, WordEmbeddings

MAX_WORDS = 4096  # of about 3 KB each

_Vectors = tuple[NDArray[np.float32], NDArray[np.float32]]  # of a word: joint (D,) and tower (T,)


class RememberedWords:
    """The embeddings of the words that an engine was asked for last, each with its prompt templates.

    Args:
        embed: Embeds words that are not in memory.

    Example:
        >>> def embed(words, templates):
        ...     print("embedding", *words)
        ...     return WordEmbeddings(*(np.ones((len(words), 2), np.float32) for _ in range(2)))
        >>> remembered = RememberedWords(embed)
        >>> _ = remembered(["cat", "dog"], ["{}"])
        embedding cat dog
        >>> remembered(["dog", "fox", "cat"], ["{}"]).joint.shape
        embedding fox
        (3, 2)
    """

    def __init__(self, embed: EmbedWords):
        self._embed = embed
        self._kept: dict[tuple[tuple[str, ...], str], _Vectors] = {}

    def __call__(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """The embeddings of words, as `engines.engine.Engine.embed_words` gives them."""
        prompts = tuple(templates)
        found = {word: kept for word in words if (kept := self._kept.get((prompts, word)))}
        if missing := [word for word in dict.fromkeys(words) if word not in found]:
            fresh = dict(zip(missing, zip(*self._embed(missing, prompts), strict=True), strict=True))
            found |= fresh
            self._keep(prompts, fresh)
        return WordEmbeddings(*(np.stack(rows) for rows in zip(*(found[word] for word in words), strict=True)))

    def _keep(self, prompts: tuple[str, ...], fresh: dict[str, _Vectors]) -> None:
        # Copies: a row of a large array would keep all of it in memory.
        self._kept |= {(prompts, word): (joint.copy(), tower.copy()) for word, (joint, tower) in fresh.items()}
        for oldest in list(self._kept)[: max(0, len(self._kept) - MAX_WORDS)]:
            self._kept.pop(oldest, None)
