"""Names of the hub are told from others as the hub's own library does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from hypothesis import example, given
from hypothesis import strategies as st

from freeseg.models import hub
from freeseg.models.hub import is_name, may_be_read, name_by_user, named_in_a_file


@pytest.mark.parametrize("name", ["a/b", "google/siglip2-base-patch16-224", "facebook/metaclip-b16-fullcc2.5b"])
def test_of_the_hub(name: str) -> None:
    assert is_name(name)


@given(st.text("aZ9_-./é \n", max_size=12))
@example("a/" + "b" * 96)
@example("a/" + "b" * 97)
@example("a/b.git")
@example("a/b\n")
def test_as_the_hubs_own_library_says(name: str) -> None:
    try:
        validate_repo_id(name)
        expected = "/" in name
    except HFValidationError:
        expected = False
    assert is_name(name) == expected


class TestFoldersThatAFileNames:
    @pytest.fixture(autouse=True)
    def model(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The folder of the model whose config names them; the current folder is elsewhere."""
        monkeypatch.setattr(hub.names, "_named", set())
        monkeypatch.delenv("FREESEG_TOWERS", raising=False)
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        return tmp_path / "models" / "mine"

    @pytest.mark.parametrize(
        ("place", "allowed"),
        [
            ("models/mine/clip", True),
            ("models/clip", True),
            ("here/towers/clip", True),
            ("models/other/clip", False),
            ("clip", False),
            ("models/mine/../../clip", False),
            ("models", False),
            ("", False),
        ],
    )
    def test_near_the_model_or_the_user(self, model: Path, tmp_path: Path, place: str, allowed: bool) -> None:
        assert may_be_read(f"{tmp_path}/{place}", model) == allowed

    def test_a_relative_one_is_in_the_current_folder(self, model: Path) -> None:
        assert may_be_read("clip", model)
        assert not may_be_read("../clip", model)

    def test_named_by_the_user(self, model: Path, tmp_path: Path) -> None:
        with named_in_a_file():
            name_by_user("../clip")
        assert not may_be_read(str(tmp_path / "clip"), model)
        name_by_user("../clip")
        assert may_be_read(str(tmp_path / "clip"), model)
        assert not may_be_read(str(tmp_path / "clip" / "inside"), model)

    def test_the_variable(self, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FREESEG_TOWERS", os.pathsep.join([str(tmp_path / "other"), str(tmp_path / "towers")]))
        assert may_be_read(str(tmp_path / "towers" / "clip"), model)
        assert not may_be_read(str(tmp_path / "clip"), model)

    def test_at_the_root_the_current_folder_allows_nothing(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(model.anchor)
        assert not may_be_read("/etc/clip", model)
