"""A model by name, ready to segment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg.engines.choose import choose_engine
from freeseg.engines.torch_engine import TorchEngine
from freeseg.errors import FreeSegError
from freeseg.models import DEFAULT, load_model
from freeseg.models.devices import require_device, require_precision
from freeseg.pipeline import FreeSeg

if TYPE_CHECKING:
    import torch

    from freeseg.models.config import Config
    from freeseg.models.iclip import ICLIP

MIN_SHORT_SIDE = 32  # pixels on the shorter side that a model may be asked to see


def load(
    model: str | Path = DEFAULT,
    *,
    device: str | torch.device = "cpu",
    revision: str | None = None,
    mode: str | None = None,
    precision: str | torch.dtype = "float32",
    short_side: int | None = None,
    onnx: str | Path | None = None,
    threads: int | None = None,
) -> FreeSeg:
    """A model, ready to segment.

    Args:
        model: Name of an embedded model; a folder that `freeseg pretrain` or `freeseg train` wrote; or a CLIP, SigLIP
            or SigLIP 2 in transformers' format, as a folder or by its name on the hub
            ("openai/clip-vit-base-patch16").
        device: "cpu", "cuda", "mps", ...
        revision: Branch, tag or commit on the hub; None for the newest.
        mode: Dense mode of a CLIP ("raw", "maskclip", "surgery", ...); None for its family's own.
        precision: Of the towers: "float32", "bfloat16" or "float16". Decisions stay in float32.
        short_side: Pixels on the shorter side at which the model sees a photo: fewer are faster and coarser. None for
            the model's own. Masks have the photo's size all the same.
        onnx: A file of this model that `freeseg export` wrote for any words: onnxruntime then looks at the photos.
            In 8 bits that is faster on a processor that has instructions for them (docs/benchmarks/network-speed.md).
        threads: How many threads the engine computes with; None for as many as it finds fit for this machine. Their
            number can change the last bits of a similarity; with 1, masks are the same on every number of cores.

    Raises:
        WeightsError: No such model, or its weights are missing, altered or of a kind that cannot be used; or `onnx` is
            not a file of this model.
        FreeSegError: No such device here, or it lacks that precision; or a short side below `MIN_SHORT_SIDE`.

    Example:
        >>> import freeseg, numpy as np
        >>> model = freeseg.load()
        >>> result = model.segment(np.zeros((40, 60, 3), np.uint8), ["cat", "sofa|couch"])
        >>> result.mask.shape, result.labels
        ((40, 60), ('background', 'cat', 'sofa'))
    """
    if short_side is not None and short_side < MIN_SHORT_SIDE:
        raise FreeSegError(f"short side is {short_side}; it must be at least {MIN_SHORT_SIDE} pixels")
    dtype = require_precision(precision, require_device(device))
    iclip, config = load_model(model, revision=revision, mode=mode, dtype=dtype)
    in_torch = TorchEngine(iclip.to(device), config, threads=threads)
    engine = choose_engine(in_torch, None if onnx is None else Path(onnx), threads=threads)
    if short_side is not None:
        config = replace(config, preprocessing=replace(config.preprocessing, short_side=short_side))
    return FreeSeg(engine, config)


def on_torch(model: ICLIP, config: Config) -> FreeSeg:
    """A model that is in memory already, ready to segment: one that was just trained, for example.

    Args:
        model: The image-text model, on any device.
        config: Its preprocessing and decision rule.
    """
    return FreeSeg(TorchEngine(model, config), config)
