"""A model by name, ready to segment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg.models import DEFAULT
from freeseg.pipeline import FreeSeg
from freeseg.pretrained import LoadOptions

__all__ = ["LoadOptions", "load", "on_torch"]

if TYPE_CHECKING:
    import torch

    from freeseg.models.config import Config
    from freeseg.models.iclip import ICLIP


def load(
    model: str | Path = DEFAULT,
    *,
    engine: str = "auto",
    precision: str | torch.dtype | None = None,
    device: str | torch.device = "cpu",
    revision: str | None = None,
    mode: str | None = None,
    short_side: int | None = None,
    views: Sequence[int] | None = None,
    onnx: str | Path | None = None,
    threads: int | None = None,
) -> FreeSeg:
    """A model, ready to segment.

    Args:
        model: Name of an embedded model; a folder that `freeseg pretrain` or `freeseg train` wrote; or a CLIP, SigLIP
            or SigLIP 2 in transformers' format, as a folder or by its name on the hub
            ("openai/clip-vit-base-patch16").
        engine: What computes: "onnxruntime", "torch", or "auto" for onnxruntime where it can. That is where the model
            has files for it, as the embedded ones have, on the CPU, in int8 or float32. PyTorch runs every model, and
            is an extra: `pip install "freeseg[torch]"`.
        precision: "int8" (onnxruntime only), "float32", "bfloat16" or "float16" (PyTorch only): what the image side
            computes in; in PyTorch the text side too. Decisions stay in float32. None for int8 in onnxruntime where the
            processor has instructions for it, and float32 everywhere else.
        device: "cpu", "cuda", "mps", ...
        revision: Branch, tag or commit on the hub; None for the newest.
        mode: Dense mode of a CLIP ("raw", "maskclip", "surgery", ...); None for its family's own.
        short_side: Pixels on the shorter side at which the model sees a photo: fewer are faster and coarser. None for
            the model's own. Masks have the photo's size all the same.
        views: Short sides at each of which the model looks at a photo, both as it is and mirrored: what it sees is
            averaged, for better masks in more time. The largest of them takes the place of `short_side`. None for one
            look.
        onnx: A file of this model that `freeseg export` wrote for any words: onnxruntime then looks at the photos with
            it, at the precision of the file.
        threads: How many threads the engine computes with; None for as many as it finds fit for this machine. Their
            number can change the last bits of a similarity; with 1, masks are the same on every number of cores.

    Raises:
        WeightsError: No such model, or its weights are missing, altered or of a kind that cannot be used; or `onnx` is
            not a file of this model.
        FreeSegError: What was asked for cannot be had here: the engine, the device, the precision; or a short side
            (of a view, too) that is not from `MIN_SHORT_SIDE` to `MOST_SHORT_SIDE`.

    Example:
        >>> import freeseg, numpy as np
        >>> model = freeseg.load()
        >>> result = model.segment(np.zeros((40, 60, 3), np.uint8), ["cat", "sofa|couch"])
        >>> result.mask.shape, result.labels
        ((40, 60), ('background', 'cat', 'sofa'))
    """
    return FreeSeg.from_pretrained(
        model,
        engine=engine,
        precision=precision,
        device=device,
        revision=revision,
        mode=mode,
        short_side=short_side,
        views=views,
        onnx=onnx,
        threads=threads,
    )


def on_torch(model: ICLIP, config: Config) -> FreeSeg:
    """A model that is in memory already, ready to segment: one that was just trained, for example.

    Args:
        model: The image-text model, on any device.
        config: Its preprocessing and decision rule.
    """
    from freeseg.engines.torch_engine import TorchEngine

    return FreeSeg(TorchEngine(model, config), config)
