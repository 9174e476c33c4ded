"""Models exported once for all tests: tracing takes seconds."""

from __future__ import annotations

import pytest

from exports import LABELS, tiny_model
from freeseg.export import Exported, export
from freeseg.pipeline import FreeSeg


@pytest.fixture(scope="session")
def model() -> FreeSeg:
    """A tiny model with a margin of its own."""
    return tiny_model(background_margin=0.05)


@pytest.fixture(scope="session")
def fixed(model: FreeSeg, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The tiny model with labels built in."""
    return export(model, tmp_path_factory.mktemp("fixed"), LABELS)


@pytest.fixture(scope="session")
def opened(model: FreeSeg, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The tiny model for any words."""
    return export(model, tmp_path_factory.mktemp("open"))
