"""PyTorch: runs any model that FreeSeg knows, on any device that PyTorch has."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import metadata

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from freeseg.decision import itsm
from freeseg.errors import WeightsError, shortened
from freeseg.models.config import Config
from freeseg.models.devices import require_device
from freeseg.models.iclip import ICLIP
from freeseg.models.packaged_weights import tensors_sha256
from freeseg.words.embedded import WordEmbeddings, average_prompts
from freeseg.words.embedding_cache import cached_embeddings
from freeseg.words.remembered import RememberedWords

_made_engine = False  # in this process, or in one that it was forked from
_only_one_thread = False


def _use_one_thread() -> None:
    """Compute with one thread in a process that was forked: PyTorch would wait for ever for threads of its parent."""
    global _only_one_thread
    if _made_engine:
        _only_one_thread = True
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # Windows forks nothing
    os.register_at_fork(after_in_child=_use_one_thread)


class TorchEngine:
    """An image-text model in PyTorch, as an `engine.Engine`.

    Args:
        model: The model; it is put into evaluation mode.
        config: What its checkpoint says of itself.
        threads: How many threads it computes with on a CPU; None for PyTorch's own number. In a process that was
            forked from one with such an engine it is one.
    """

    name, views = "torch", ""
    max_concurrent = 1  # PyTorch's own threads share each photo

    def __init__(self, model: ICLIP, config: Config, *, threads: int | None = None):
        global _made_engine
        _made_engine = True
        self.model = model.eval()
        self.config = config
        self.threads = threads
        self._remembered = RememberedWords(self._embed)

    @property
    def precision(self) -> str:
        """Of the towers."""
        return str(self.model.precision).removeprefix("torch.")

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def stride(self) -> int:
        """Pixels from one patch to the next."""
        return self.model.stride

    @cached_property
    def weights_sha256(self) -> str:
        """Of the checkpoint's file; where there is none of FreeSeg's, of all that makes the model what it is."""
        config, model = self.config, self.model
        others = (
            config.towers.mode,
            config.towers.projected,
            model.mean.flatten().tolist(),
            model.std.flatten().tolist(),
        )
        return config.weights_sha256 or hashlib.sha256(f"{others} {tensors_sha256(model)}".encode()).hexdigest()

    @property
    def identity(self) -> str:
        """The weights as they are in memory, and the precision that they compute in."""
        return f"{tensors_sha256(self.model)} {self.model.precision}"

    @torch.inference_mode()
    def similarity_maps(self, pixels: NDArray[np.uint8], texts: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `engine.Engine`."""
        photo = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(self.device)
        with _threads(self.threads):
            maps = self.model.similarity_maps(photo, torch.from_numpy(texts).to(self.device))
        return self._require_finite(np.asarray(maps[0].cpu(), np.float32))

    @torch.inference_mode()
    def patches(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `engine.Engine`."""
        photo = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(self.device)
        with _threads(self.threads):
            embedded = itsm.unit_patches(self.model.embed_image(photo))
        return self._require_finite(np.asarray(embedded[0].cpu(), np.float32))

    @torch.inference_mode()
    def whole(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """See `engine.Engine`."""
        photo = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(self.device)
        with _threads(self.threads):
            embedded = self.model.embed_whole(photo)
        return None if embedded is None else self._require_finite(np.asarray(embedded[0].cpu(), np.float32))

    def to(self, device: str) -> TorchEngine:
        """See `engine.Engine`."""
        place = require_device(device)
        if torch.ones(1, device=place).device == self.device:
            return self
        return TorchEngine(copy.deepcopy(self.model).to(place), self.config, threads=self.threads)

    def embed_words(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:
        """See `engine.Engine`. Words are kept in memory and, where they took long, on disk."""
        return self._remembered(words, templates)

    def _embed(self, words: Sequence[str], templates: Sequence[str]) -> WordEmbeddings:

        @torch.inference_mode()
        def compute(some: Sequence[str]) -> WordEmbeddings:
            prompts = [template.replace("{}", word) for word in some for template in templates]
            with _threads(self.threads):
                tower = self.model.text_tower(prompts)
                joint = self.model.project_text(tower.to(self.device))
            embedded = (self._require_finite(rows.cpu().float().numpy()) for rows in (joint, tower))
            return WordEmbeddings(*(average_prompts(rows, len(some)) for rows in embedded))

        return cached_embeddings(lambda: self._text_identity, words, templates, compute)

    def unknown_words(self, words: Sequence[str]) -> list[str]:
        """See `engine.Engine`."""
        return self.model.text_tower.unknown(words)

    def _require_finite(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values, after a check that all are numbers: a mask of others would mean nothing, without a word."""
        if np.isfinite(values).all():
            return values
        fix = "fetch or train it again"
        if self.precision == "float16":
            fix = "choose --precision float32, or " + fix
        raise WeightsError(
            f"model {shortened(self.config.name)} gives values that are no numbers (NaN or infinite), so its weights "
            f"are damaged; {fix}"
        )

    @cached_property
    def _text_identity(self) -> str:
        """What the embeddings of words depend on, for their cache."""
        tower = self.model.text_tower
        modules = [part for part in (tower, self.model.text_head) if isinstance(part, nn.Module)]
        return text_identity(*modules, extra=getattr(tower, "spelling", ""))


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Let PyTorch compute with so many threads in here; it has one number for the whole process."""
    global _made_engine
    _made_engine = True  # one that was unpickled, too
    before = torch.get_num_threads()
    count = None if _only_one_thread else count
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count is not None:
            torch.set_num_threads(before)


def text_identity(*modules: nn.Module, extra: str = "") -> str:
    """What turns texts into embeddings, as a sha256: structure, weights, precision, kind of device and libraries.

    FreeSeg's own version, whose modules are among them, is not part of it; the cache of embeddings adds it.

    Args:
        modules: The text tower and its head.
        extra: Whatever else changes the embeddings, such as a tokenizer.

    Returns:
        64 hex digits; "" for modules without weights, which nothing can tell apart.

    Example:
        >>> first, second = nn.Linear(2, 3), nn.Linear(2, 3)
        >>> text_identity(first) == text_identity(first), text_identity(first) == text_identity(second)
        (True, False)
    """
    homes = {type(part).__module__.partition(".")[0] for module in modules for part in module.modules()}
    used = [package for package in ("torch", "transformers") if package in homes]
    libraries = {package: metadata.version(package) for package in (*used, "tokenizers")}
    digest = hashlib.sha256(json.dumps([str(modules), extra, libraries]).encode())
    tensors = [item for module in modules for item in module.state_dict().items()]
    for name, tensor in tensors:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} {tensor.device.type};".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest() if tensors else ""
