"""A hub on this machine for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from freeseg.models.hub import name_by_user
from hub_server import Hub, Model, connected

NAME = "some/clip"


@pytest.fixture
def models() -> dict[str, Model]:
    """What the hub has; the user has named the first."""
    return {NAME: Model()}


@pytest.fixture
def here(models: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, and an empty cache."""
    monkeypatch.chdir(tmp_path)
    name_by_user(next(iter(models)))
    with connected(models, tmp_path / "home", monkeypatch) as server:
        yield server
