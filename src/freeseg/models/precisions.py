"""The names of the precisions that towers can run at. To import this needs no torch."""

from __future__ import annotations

from typing import Literal

PrecisionName = Literal["float32", "bfloat16", "float16"]
