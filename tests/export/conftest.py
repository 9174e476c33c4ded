"""Models exported once for all tests: tracing takes seconds."""

from __future__ import annotations

import pytest

from exports import LABELS, ExportOnce, tiny_model
from freeseg.export import Exported
from freeseg.pipeline import FreeSeg


@pytest.fixture(scope="session")
def model() -> FreeSeg:
    """A tiny model with a margin of its own."""
    return tiny_model(background_margin=0.05)


@pytest.fixture(scope="session")
def fixed(model: FreeSeg, export_once: ExportOnce) -> Exported:
    """The tiny model with labels built in."""
    return export_once("fixed", model, LABELS)


@pytest.fixture(scope="session")
def opened(model: FreeSeg, export_once: ExportOnce) -> Exported:
    """The tiny model for any words."""
    return export_once("open", model)
