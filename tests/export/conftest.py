"""Models exported once for all tests: tracing takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from exports import LABELS, PHOTO_LABELS, tiny_model
from freeseg.export import Exported, export
from freeseg.pipeline import FreeSeg


@pytest.fixture(scope="session")
def model() -> FreeSeg:
    """A tiny model whose rule uses free attention too."""
    return tiny_model(attention_margin=0.05)


@pytest.fixture(scope="session")
def fixed(model: FreeSeg, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The tiny model with labels built in."""
    return export(model, tmp_path_factory.mktemp("fixed"), LABELS)


@pytest.fixture(scope="session")
def opened(model: FreeSeg, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The tiny model for any words."""
    return export(model, tmp_path_factory.mktemp("open"))


@pytest.fixture(scope="session")
def shipped(embedded: FreeSeg, photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The embedded model with labels built in, in 32 and in 8 bits."""
    return export(embedded, tmp_path_factory.mktemp("shipped"), PHOTO_LABELS, calibrate=photo_folder)


@pytest.fixture(scope="session")
def shipped_open(embedded: FreeSeg, photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The embedded model for any words, in 32 and in 8 bits."""
    return export(embedded, tmp_path_factory.mktemp("shipped-open"), calibrate=photo_folder)
