"""Words in onnxruntime: a text tower as an ONNX file, its tokenizer, and the model's text head.

Most words cost none of these. Embeddings of the usual background words ship with the model, and those that were
computed once are kept on disk (`words.embedding_cache`). The text tower is loaded for the first word that is in
neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from freeseg.engines.onnx_session import Session
from freeseg.errors import WeightsError, reason
from freeseg.files import parse_json
from freeseg.models.onnx_files import FIX, TEXT, TOKENIZER, WORDS, OnnxFiles
from freeseg.models.packaged_weights import check_sha256
from freeseg.words.embedded import WordEmbeddings, average_prompts
from freeseg.words.embedding_cache import cached_embeddings
from freeseg.words.remembered import RememberedWords
from freeseg.words.tokens import batches_of_like_length, warn_of_cut
from freeseg.words.wordpiece import WordPiece

HEAD = "text_head.weight"  # (D, T), in the file of the model's trained tensors
MAX_TOKENS = 128  # captions and labels are far shorter; MiniLM itself was trained with 128
# Loading the tower takes longer than embedding a word, so nearly all that is computed is worth keeping.
WORTH_SECONDS = 0.05

Rows = NDArray[np.float32]


class ShippedWords(NamedTuple):
    """Words whose embeddings ship with a model.

    Attributes:
        templates: The prompt templates that they were averaged over.
        place: The row of each word.
        embeddings: The rows.
    """

    templates: tuple[str, ...]
    place: Mapping[str, int]
    embeddings: WordEmbeddings

    def find(self, words: Sequence[str], templates: Sequence[str]) -> dict[str, tuple[Rows, Rows]]:
        """The embeddings of those of the words that are here, in the joint space and in the tower's own."""
        if tuple(templates) != self.templates:
            return {}
        joint, tower = self.embeddings
        return {word: (joint[self.place[word]], tower[self.place[word]]) for word in words if word in self.place}


class OnnxText:
    """The text side of a model, without PyTorch.

    Args:
        tower: The files of the text tower.
        weights: The file of the model's trained tensors, with the text head.
        weights_sha256: What that file must have.
        shipped: The model's files, where they have embeddings of words.
        threads: How many threads may work.
    """

    def __init__(
        self, tower: OnnxFiles, weights: Path, weights_sha256: str, *, shipped: OnnxFiles | None, threads: int
    ):
        self._tower, self._weights, self._weights_sha256 = tower, weights, weights_sha256
        self._shipped_files, self._threads = shipped, threads
        self._remembered = RememberedWords(self._embed)
        self._unreadable: set[str] = set()
        self._asked: set[str] = set()

    @property
    def identity(self) -> str:
        """What the embeddings depend on: the files, and the library that runs them."""
        files = " ".join(self._tower.files[name].sha256 for name in (TEXT, TOKENIZER))
        return f"{files} {self._weights_sha256} onnxruntime {onnxruntime.__version__}"

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """See `engine.Engine`.

        Raises:
            WeightsError: A file that is needed for these words is missing or altered.
        """
        return self._remembered(words, templates)

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        """See `engine.Engine`. Words that came from disk were read once; the tokenizer is asked for others only."""
        if new := [word for word in words if word not in self._asked]:
            self._note_unreadable(new)
        return [word for word in words if word in self._unreadable]

    def _embed(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """The embeddings of words that are not in memory."""
        found = self._shipped.find(words, templates) if self._shipped else {}
        if others := [word for word in words if word not in found]:
            computed = cached_embeddings(
                self.identity,
                others,
                templates,
                lambda some: self._compute(some, templates),
                never=self._unreadable.intersection,
                worth_seconds=WORTH_SECONDS,
            )
            found |= dict(zip(others, zip(*computed, strict=True), strict=True))
        self._asked.update(words)
        return WordEmbeddings(*(np.stack(rows) for rows in zip(*(found[word] for word in words), strict=True)))

    def _note_unreadable(self, words: Sequence[str]) -> None:
        """Ask the tokenizer which of the words it cannot read; they are not kept on disk, to be warned of each time."""
        self._unreadable.update(self._tokenizer.unknown(words))
        self._asked.update(words)

    def _compute(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        self._note_unreadable(words)
        texts = [template.replace("{}", word) for word in words for template in templates]
        tower = np.empty((len(texts), self._tower.channels), np.float32)
        for chosen in batches_of_like_length(texts):
            tower[chosen] = self._embed_batch([texts[place] for place in chosen])
        joint = tower @ self._head.T
        joint /= np.maximum(np.linalg.norm(joint, axis=1, keepdims=True), 1e-12)
        return WordEmbeddings(average_prompts(joint, len(words)), average_prompts(tower, len(words)))

    def _embed_batch(self, texts: list[str]) -> Rows:
        encoded = [self._tokenizer.encode_whole(text, most=MAX_TOKENS) for text in texts]
        warn_of_cut([text for text, (_, cut) in zip(texts, encoded, strict=True) if cut], tokens=MAX_TOKENS)
        shape = len(texts), max(len(tokens) for tokens, _ in encoded)
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)  # 0 is the token that fills up a batch
        for row, (tokens, _) in enumerate(encoded):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        return self._session(ids, mask)

    # Each is read when it is first needed.

    @cached_property
    def _session(self) -> Session:
        return Session(self._tower.path(TEXT), threads=self._threads, spinning=False, fix=FIX)

    @cached_property
    def _tokenizer(self) -> WordPiece:
        return WordPiece.from_file(self._tower.path(TOKENIZER))

    @cached_property
    def _head(self) -> Rows:
        from safetensors import SafetensorError, safe_open

        check_sha256(self._weights, self._weights_sha256, fix=FIX)
        try:
            with safe_open(self._weights, framework="numpy") as file:
                head = np.asarray(file.get_tensor(HEAD), np.float32)
        except SafetensorError as error:
            raise WeightsError(f"{self._weights} does not fit its config ({reason(error)}); {FIX}") from error
        if head.ndim != 2 or not np.isfinite(head).all():
            raise WeightsError(f"{self._weights} has values that are no numbers in {HEAD}; {FIX}")
        return head

    @cached_property
    def _shipped(self) -> ShippedWords | None:
        if self._shipped_files is None or WORDS not in self._shipped_files.files:
            return None
        from safetensors import SafetensorError, safe_open

        path = self._shipped_files.path(WORDS)
        try:
            with safe_open(path, framework="numpy") as file:
                about = file.metadata()
                words, templates = (parse_json(about[entry]) for entry in ("words", "templates"))
                rows = WordEmbeddings(*(np.asarray(file.get_tensor(name), np.float32) for name in ("joint", "tower")))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{path} cannot be read ({reason(error)}); {FIX}") from error
        return ShippedWords(tuple(templates), {word: place for place, word in enumerate(words)}, rows)
