"""How files were made, for the record that is written beside them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from freeseg.models.versions import versions

PACKAGES = ("onnx", "onnxscript")  # besides those that a training depends on


def made(command: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    """The record of some files.

    Args:
        command: What made them; "" is left out.
        measured: What was measured of them.
    """
    known = versions() | {package: metadata.version(package) for package in PACKAGES}
    return {**({"command": command} if command else {}), "versions": known, "measured": dict(measured)}
