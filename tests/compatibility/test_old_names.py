"""Programs that were written for version 0.1.0 find its modules still."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import freeseg
from freeseg import old_names
from freeseg.pipeline import FreeSeg


@pytest.mark.parametrize(("old", "new"), old_names.MODULES.items())
def test_an_old_name_is_the_new_module_and_says_so(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} is called {new} now"):
        found = importlib.import_module(old)
    renamed = importlib.import_module(new)
    names = [name for name in vars(renamed) if not name.startswith("_")]
    assert all(getattr(found, name) is getattr(renamed, name) for name in names)
    with pytest.raises(AttributeError):
        found.no_such_name  # noqa: B018


def test_in_a_program_of_its_own() -> None:
    code = (
        "import freeseg; from freeseg.images import read_photo; print(freeseg.vocabularies.Vocabulary.of('cat').names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('cat',)"


def test_a_module_that_never_was() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("freeseg.never")
    with pytest.raises(AttributeError):
        freeseg.never  # noqa: B018


def test_words_are_embedded_under_the_old_name(tiny: FreeSeg) -> None:
    with pytest.warns(DeprecationWarning, match="embed_vocabulary"):
        assert tiny.words("cat") is tiny.embed_vocabulary("cat")
