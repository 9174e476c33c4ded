"""What every engine can do. The pipeline asks for nothing else, so it does not know which engine it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from freeseg.words.embedded import WordEmbeddings


class Engine(Protocol):
    """Looks at pixels and at words."""

    @property
    def name(self) -> str:
        """What it is called, as `freeseg.load` takes it: "onnxruntime" or "torch"."""

    @property
    def precision(self) -> str:
        """What it looks at photos in: "float32", "int8", ..."""

    @property
    def stride(self) -> int:
        """Pixels from one patch to the next."""

    @property
    def max_concurrent(self) -> int:
        """How many photos to look at at once, each from a thread of its own, where many are waiting.

        At 1 the engine's own threads share one photo, and other threads only read the photos that come next.
        """

    @property
    def views(self) -> str:
        """What tells how it looks at a photo; "" for one look, at the pixels as they are."""

    @property
    def weights_sha256(self) -> str:
        """The sha256 of the model's weights."""

    @property
    def identity(self) -> str:
        """What the similarity maps depend on in the engine: a text that changes when they may."""

    def to(self, device: str) -> Engine:
        """The same on another device: itself where it is there already.

        Args:
            device: "cpu", "cuda", "cuda:1", "mps", ...

        Raises:
            FreeSegError: This machine has no such device, or the engine computes on the CPU only.
        """

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """Prompt-averaged unit embeddings of words.

        Args:
            words: W words, at least one.
            templates: Prompt templates, each with one `{}`.
        """

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        """Those of the words of which the model's tokenizer knows nothing, so that their embeddings say nothing."""

    def similarity_maps(self, pixels: NDArray[np.uint8], texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """The Image-Text Similarity Map of a photo.

        Args:
            pixels: (H, W, 3), RGB.
            texts: Text embeddings (N, D) in the joint space.

        Returns:
            Cosines (N, h, w) in [-1, 1].
        """

    def patches(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The patch embeddings of a photo, whose products with text embeddings are its `similarity_maps`.

        Args:
            pixels: (H, W, 3), RGB.

        Returns:
            (D, h, w), a unit vector for each patch.
        """

    def whole(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """What the class token says of a photo, in the space of words; None of a model without one.

        Args:
            pixels: (H, W, 3), RGB.

        Returns:
            (D,), a unit vector.
        """
