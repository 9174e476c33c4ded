"""The versions that a report or a training names."""

from __future__ import annotations

import platform
from importlib import metadata

import numpy as np
import pytest

from freeseg.models.versions import versions


def test_of_python_and_of_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def without_torch(package: str) -> str:
        if package == "torch":
            raise metadata.PackageNotFoundError(package)
        return version(package)

    assert versions()["torch"] == version("torch")
    monkeypatch.setattr(metadata, "version", without_torch)
    found = versions()
    assert (found["python"], found["numpy"]) == (platform.python_version(), np.__version__)
    assert "torch" not in found
