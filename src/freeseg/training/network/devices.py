"""Where a network is trained: one processor, one GPU, or as many as `torchrun` or `accelerate launch` starts it on."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from freeseg.errors import FreeSegError, shortened
from freeseg.models.devices import PRECISIONS, require_device
from freeseg.models.precisions import canonical_precision
from freeseg.training.processes import PATIENCE

DEVICES = ("auto", "cpu", "cuda", "mps")
MIXED = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}  # accelerate's names


def accelerator(device: str = "auto", precision: str = "auto") -> Accelerator:
    """Devices and mixed precision.

    Args:
        device: "auto" for a GPU where there is one; or "cpu", "cuda", "mps".
        precision: One of `PRECISIONS`, or "auto": bfloat16 on a GPU that has it, else float32.

    Raises:
        FreeSegError: There is no such precision, or no such device here.

    Example:
        >>> accelerator("cpu").device
        device(type='cpu')
    """
    precision = canonical_precision(precision)
    if precision != "auto" and precision not in PRECISIONS:
        raise FreeSegError(f"precision is {shortened(precision)}; it must be one of: auto, {', '.join(PRECISIONS)}")
    if device not in DEVICES:
        raise FreeSegError(
            f"device is {shortened(device)}; it must be one of: {', '.join(DEVICES)}; CUDA_VISIBLE_DEVICES chooses "
            "among GPUs"
        )
    if device != "auto":
        require_device(device)
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if precision == "auto":
        precision = "bfloat16" if on_gpu and torch.cuda.is_bf16_supported() else "float32"
    if precision == "float16" and not on_gpu:
        raise FreeSegError("float16 needs a GPU; use --precision float32, or bfloat16")
    patience = InitProcessGroupKwargs(timeout=PATIENCE)
    return Accelerator(cpu=device == "cpu", mixed_precision=MIXED[precision], kwargs_handlers=[patience])
