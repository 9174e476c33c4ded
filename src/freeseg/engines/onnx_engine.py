"""onnxruntime: an ONNX file of a model's image side looks at photos on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from freeseg.engines.onnx_session import Session
from freeseg.errors import FreeSegError, WeightsError, shortened
from freeseg.files import is_file, parse_json, sha256
from freeseg.models.onnx_files import FIX, OnnxFiles
from freeseg.words.embedded import WordEmbeddings

MAX_CONCURRENT = 4  # photos; each needs memory of its own
INPUTS = ["pixels", "text"]


class TextSide(Protocol):
    """What embeds the words: `onnx_text.OnnxText`, or the engine of PyTorch."""

    @property
    def identity(self) -> str:
        """What the embeddings depend on."""

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """See `engine.Engine`."""

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        """See `engine.Engine`."""


class OnnxEngine:
    """An image side in onnxruntime and a text side, as an `engine.Engine`.

    Args:
        image: The image side; it takes any words, by their embeddings.
        words: What embeds the words.
        stride: Pixels from one patch to the next.
        weights_sha256: Of the weights that the file was made from.
        file_sha256: Of the file.
        precision: What it computes in.
        threads: How many threads may work, over all photos that are looked at at once.

    Attributes:
        max_concurrent: As `engine.Engine` has it. The session's threads do not spin, since other work wants their
            processors between two photos; such threads cost more in waiting for each other than they save.
    """

    name, views = "onnxruntime", ""

    def __init__(
        self,
        image: Session,
        words: TextSide,
        *,
        stride: int,
        weights_sha256: str,
        file_sha256: str,
        precision: str,
        threads: int,
    ):
        self.session, self.words = image, words
        self.stride, self.weights_sha256, self.file_sha256 = stride, weights_sha256, file_sha256
        self.precision = precision
        self.max_concurrent = min(threads, MAX_CONCURRENT)

    @classmethod
    def shipped(cls, files: OnnxFiles, name: str, words: TextSide, *, threads: int) -> OnnxEngine:
        """The engine of a model that ships with files to run without PyTorch.

        Args:
            files: The model's files.
            name: Which of them is the image side.
            words: What embeds the words.
            threads: How many threads may work.

        Raises:
            WeightsError: The file is missing or altered.
            FreeSegError: onnxruntime cannot load it.
        """
        session = Session(files.path(name), threads=threads, spinning=False, fix=FIX)
        return cls(
            session,
            words,
            stride=files.stride,
            weights_sha256=files.weights_sha256,
            file_sha256=files.files[name].sha256,
            precision=files.files[name].precision,
            threads=threads,
        )

    @classmethod
    def exported(cls, path: Path, weights_sha256: str, words: TextSide, *, threads: int) -> OnnxEngine:
        """The engine of a file that `freeseg export` wrote for any words.

        Args:
            path: The file.
            weights_sha256: Of the model that it must have been exported from.
            words: What embeds the words.
            threads: How many threads may work.

        Raises:
            WeightsError: No such file; or it is of another model, or has labels built in.
            FreeSegError: onnxruntime cannot load it.
        """
        if not is_file(path):
            raise WeightsError(f"no file {path}; `freeseg export` without --labels writes one")
        session = Session(path, threads=threads, spinning=False)
        about = session.metadata
        if about.get("weights_sha256") != weights_sha256:
            raise WeightsError(f"{path} is not of this model but of {about.get('model', 'no model')}; export this one")
        if session.inputs != INPUTS or "stride" not in about:
            raise WeightsError(f"{path} has labels built in; export the model again without --labels")
        return cls(
            session,
            words,
            stride=parse_json(about["stride"]),
            weights_sha256=weights_sha256,
            file_sha256=sha256(path),
            precision="the file's own",
            threads=threads,
        )

    @property
    def identity(self) -> str:
        """The file, and what embeds words."""
        return f"{self.file_sha256} {self.words.identity}"

    def similarity_maps(self, pixels: NDArray[np.uint8], texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `engine.Engine`.

        Raises:
            FreeSegError: The file does not run for pixels of this size.
        """
        photo = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)[None]
        maps: NDArray[np.float32] = self.session(photo, texts)[0]
        return maps

    def patches(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `engine.Engine`. The files give cosines with texts only; those with the axes are the unit vectors.

        Raises:
            FreeSegError: As of `similarity_maps`.
        """
        return self.similarity_maps(pixels, np.eye(self.session.width_of("text"), dtype=np.float32))

    def whole(self, pixels: NDArray[np.uint8]) -> None:
        """See `engine.Engine`. No model that runs through ONNX has a class token."""

    def to(self, device: str) -> OnnxEngine:
        """See `engine.Engine`."""
        if device != "cpu":
            raise FreeSegError(
                f"onnxruntime computes on the CPU, and not on {shortened(device)}; load the model with "
                'freeseg.load(..., engine="torch"), or with device= at once'
            )
        return self

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """See `engine.Engine`."""
        return self.words.embed_words(words, templates)

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        """See `engine.Engine`."""
        return self.words.unknown_words(words)
