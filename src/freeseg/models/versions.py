"""The versions of what numbers depend on, for the records of trainings and evaluations."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib import metadata

PACKAGES = ("freeseg", "torch", "transformers", "onnxruntime", "numpy", "pillow")


def versions() -> dict[str, str]:
    """The versions of Python and of those packages that are installed.

    Example:
        >>> list(versions())[:2]
        ['python', 'freeseg']
    """
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
