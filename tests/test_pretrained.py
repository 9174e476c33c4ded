"""Models under the names that other libraries have for loading and for putting on the hub."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hub_uploads import TOKEN, Uploads
from huggingface_hub import constants

import freeseg
from freeseg.errors import FreeSegError, WeightsError
from freeseg.models import DEFAULT, embedded_folder
from hub_server import Hub, connected

NAME = "somebody/mine"
PHOTO = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has nothing yet, whoever may write to it, and a model of theirs in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # a protocol of its own, which this hub does not know
    shutil.copytree(embedded_folder(DEFAULT), "mine")
    with connected({}, tmp_path / "home", monkeypatch, Uploads) as server:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


def test_what_was_pushed_is_loaded_by_its_name(
    here: Hub, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = pickle.loads(pickle.dumps(freeseg.FreeSeg.from_pretrained("mine", short_side=64)))  # noqa: S301 - our own
    expected = model.segment(PHOTO, "cat, dog")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # the folder is the one it was
    pushed = model.push_to_hub(NAME, private=True)
    assert pushed.page == "https://huggingface.co/somebody/mine"
    assert here.models[NAME].card == {"visibility": "private"}
    loaded = freeseg.FreeSeg.from_pretrained(NAME, short_side=64)
    assert isinstance(loaded, freeseg.FreeSeg)
    assert loaded.segment(PHOTO, "cat, dog") == expected
    assert freeseg.load(NAME).config.preprocessing.short_side != 64  # what it was loaded with is not sent


def test_it_is_what_load_gives() -> None:
    ours = freeseg.FreeSeg.from_pretrained("freeseg-lite-iclip", short_side=64, precision="float32")
    theirs = freeseg.load("freeseg-lite-iclip", short_side=64, precision="float32")
    assert (ours.config, ours.engine.identity) == (theirs.config, theirs.engine.identity)
    with pytest.raises(FreeSegError, match="short side is 3; it must be at least 32 pixels"):
        freeseg.FreeSeg.from_pretrained(short_side=3)


def test_a_model_without_a_folder_stays_here(here: Hub) -> None:
    model = freeseg.load("mine")
    with pytest.raises(WeightsError, match="this model is in memory only; write it with"):
        model.with_config(model.config).push_to_hub(NAME)
    assert here.asked == []
