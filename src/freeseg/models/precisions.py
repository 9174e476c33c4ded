"""The names of the precisions that models can run at. To import this needs no torch."""

from __future__ import annotations

from typing import Literal

from freeseg.bounds import OtherNames

PrecisionName = Literal["float32", "bfloat16", "float16"]  # of towers in PyTorch
EnginePrecision = Literal["int8"] | PrecisionName  # of any engine; 8 bits are onnxruntime's
SHORT_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "half": "float16"}
OTHER_NAMES = OtherNames(SHORT_NAMES)  # for the command line


def canonical_precision(name: str) -> str:
    """A precision's name as FreeSeg writes it; an unknown name is returned as it is.

    Example:
        >>> canonical_precision("bf16"), canonical_precision("torch.bfloat16")
        ('bfloat16', 'bfloat16')
    """
    name = name.removeprefix("torch.")
    return SHORT_NAMES.get(name, name)
