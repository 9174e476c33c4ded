"""Training of teachers and networks: one loop, and for each a recipe, losses, batches, and `run`, which does it all."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

CACHE = Path(".cache/freeseg")  # where the features of photos are kept, unless another folder is named


def import_on_use(package: str, **homes: str) -> Callable[[str], Any]:
    """A package's `__getattr__` that imports on first use: who wants a recipe alone must not wait for PyTorch.

    Args:
        package: The package's name.
        **homes: For each name that the package offers, the module inside of it where that name lives.

    Example:
        >>> import_on_use("freeseg.training", report_part="loop")("report_part").__name__
        'report_part'
    """

    def find(name: str) -> Any:
        if name in homes:
            return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find
