"""Shared by the tests of models: tiny checkpoints in transformers' format."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tiny_transformers import SAVERS


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny checkpoint of every kind; not to be changed."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {kind: save(root / kind) for kind, save in SAVERS.items()}


@pytest.fixture
def copied(folders: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Copies of them, to be changed."""
    return {kind: Path(shutil.copytree(folder, tmp_path / kind)) for kind, folder in folders.items()}
