"""What only some tasks need is named, with the way to install it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from freeseg.errors import FreeSegError
from freeseg.extras import EXTRAS, TORCH, is_installed, require

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in TORCH:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FreeSegError, match=r'^this needs PyTorch; run: pip install "freeseg\[torch\]"$'):
        require("numpy", *TORCH)
    with pytest.raises(FreeSegError, match=r"^a hub needs huggingface_hub; "):
        require("huggingface_hub", what="a hub")


def test_what_hides_itself_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hide:
        def find_spec(self, *_: object) -> None:
            raise ModuleNotFoundError("hidden")

    monkeypatch.setattr(sys, "meta_path", [Hide()])
    assert not is_installed("not_imported_yet")


def test_every_extra_is_there() -> None:
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(extras)
