"""The device and the precision that towers run at, and whether this machine has them."""

from __future__ import annotations

from typing import get_args

import torch

from freeseg.errors import FreeSegError, reason, shortened
from freeseg.models.precisions import PrecisionName, canonical_precision

PRECISIONS: dict[str, torch.dtype] = {name: getattr(torch, name) for name in get_args(PrecisionName)}


def require_device(device: str | torch.device) -> torch.device:
    """A device by name, after a check that it can be used.

    Raises:
        FreeSegError: This machine has no such device.

    Example:
        >>> require_device("cpu")
        device(type='cpu')
    """
    try:
        torch.ones(1, device=device).add(1).item()  # "meta" makes tensors, but computes nothing
    except Exception as error:  # kinds of devices that nothing here supports raise errors of all kinds
        raise FreeSegError(f"device {shortened(str(device))} cannot be used here ({reason(error)}); try cpu") from error
    return torch.device(device)


def require_precision(name: str | torch.dtype, device: torch.device) -> torch.dtype:
    """A precision by name, after a check that the device computes in it.

    Raises:
        FreeSegError: There is no such precision, or the device only emulates it, which is slower than float32.

    Example:
        >>> require_precision("float32", torch.device("cpu"))
        torch.float32
    """
    dtype = PRECISIONS.get(canonical_precision(str(name)))
    if dtype is None:
        raise FreeSegError(f"no precision is called {shortened(str(name))}; there are: {', '.join(PRECISIONS)}")
    if device.type == "cpu" and not cpu_supports(dtype):
        have = ", ".join(name for name, each in PRECISIONS.items() if cpu_supports(each))
        raise FreeSegError(f"this CPU does not compute in {str(dtype).removeprefix('torch.')}; use one of: {have}")
    return dtype


def cpu_supports(dtype: torch.dtype) -> bool:
    """Whether this CPU has instructions for a precision."""
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if dtype == torch.float16:
        return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())
    return True
