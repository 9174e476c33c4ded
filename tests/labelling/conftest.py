"""Shared by the tests of labelling: photos to label, and a model in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from freeseg import loading
from freeseg.data import PhotoSource, open_sources
from freeseg.labelling.photo import LabellingOptions
from freeseg.loading import on_torch
from freeseg.models import DEFAULT
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary
from labelled import LABELS, draw_photos
from tiny import iclip_of


@pytest.fixture
def tiny_open(tiny: FreeSeg) -> FreeSeg:
    """The tiny model, for which every label is present: its masks are lively."""
    decision = replace(tiny.config.decision, presence_ratio=0.0, presence_floor=0.0)
    return on_torch(iclip_of(tiny), replace(tiny.config, decision=decision, weights_sha256="ab12"))


@pytest.fixture
def on_tiny(tiny_open: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> FreeSeg:
    """Every model that is loaded in this process is the tiny one."""
    monkeypatch.setattr(loading, "load", lambda model=DEFAULT, **_: tiny_open)
    return tiny_open


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """A folder of captioned photos and a plain one."""
    return draw_photos(tmp_path)


@pytest.fixture
def sources(folders: list[Path]) -> list[PhotoSource]:
    """The same, opened."""
    return open_sources(folders)


@pytest.fixture
def options(tmp_path: Path) -> LabellingOptions:
    """How they are labelled."""
    return LabellingOptions(tmp_path / "out", Vocabulary.of(LABELS), "tiny")
