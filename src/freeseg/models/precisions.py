"""The names of the precisions that towers can run at. To import this needs no torch."""

from __future__ import annotations

from typing import Literal

PrecisionName = Literal["float32", "bfloat16", "float16"]
SHORT_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def canonical_precision(name: str) -> str:
    """A precision's name as FreeSeg writes it; an unknown name is returned as it is.

    Example:
        >>> canonical_precision("bf16"), canonical_precision("bfloat16")
        ('bfloat16', 'bfloat16')
    """
    return SHORT_NAMES.get(name, name)
