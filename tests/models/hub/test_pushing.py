"""Putting a model on a hub on this machine, and using it from there by its name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hub_uploads import TOKEN, Uploads
from huggingface_hub import constants
from huggingface_hub.repocard import metadata_load

import freeseg
from freeseg.errors import WeightsError
from freeseg.models import DEFAULT, embedded_folder
from freeseg.models.hub import plan_push, push
from freeseg.models.hub.pushing import card_for_hub
from hub_server import Hub, connected

NAME = "somebody/mine"
SENT = {"config.json", "model.safetensors", "onnx.json", "image.onnx", "image.int8.onnx", "words.safetensors"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has nothing yet, and whoever may write to it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # a protocol of its own, which this hub does not know
    with connected({}, tmp_path / "home", monkeypatch, Uploads) as server:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A model of one's own: the embedded one, in a folder."""
    folder = tmp_path / "mine"
    shutil.copytree(embedded_folder(DEFAULT), folder)
    (folder / "notes.txt").write_text("not for others")
    return folder


def test_it_is_used_by_its_name(here: Hub, mine: Path) -> None:
    pushed = push(mine, NAME)
    assert pushed.page == "https://huggingface.co/somebody/mine"
    files = here.models[NAME].revisions["main"]
    assert set(files) == set(pushed.files) == SENT | {"README.md"}
    assert files["model.safetensors"] == (mine / "model.safetensors").read_bytes()
    photo = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    loaded = freeseg.load(NAME, short_side=64)
    assert loaded.engine.name == "onnxruntime"
    assert loaded.segment(photo, "cat, dog") == freeseg.load(mine, short_side=64).segment(photo, "cat, dog")


def test_the_card_has_what_the_hub_reads(here: Hub, mine: Path, tmp_path: Path) -> None:
    before = (mine / "README.md").read_bytes()
    push(mine, NAME)
    card = tmp_path / "card.md"
    card.write_bytes(here.models[NAME].revisions["main"]["README.md"])
    assert metadata_load(card) == {
        "library_name": "freeseg",
        "pipeline_tag": "image-segmentation",
        "license": "apache-2.0",
        "tags": ["open-vocabulary-segmentation"],
    }
    assert card.read_bytes().endswith(before)
    assert (mine / "README.md").read_bytes() == before


def test_again_is_another_commit(here: Hub, mine: Path) -> None:
    push(mine, NAME, private=True)
    assert here.models[NAME].card == {"visibility": "private"}
    (mine / "README.md").write_text("# Another card\n")
    push(mine, NAME)
    assert b"# Another card" in here.models[NAME].revisions["main"]["README.md"]


def test_a_plan_asks_nobody(here: Hub, mine: Path) -> None:
    assert set(plan_push(mine, NAME).files) == SENT | {"README.md"}
    assert here.asked == []


@pytest.mark.parametrize("name", ["mine", "a/b/c", "../mine", "some body/mine"])
def test_what_is_no_name(mine: Path, name: str) -> None:
    with pytest.raises(WeightsError, match=r"is no name of a model .* give owner/name"):
        plan_push(mine, name)


def test_altered_weights_stay_here(here: Hub, mine: Path) -> None:
    with (mine / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(WeightsError, match="train the model again"):
        push(mine, NAME)
    assert here.asked == []


def test_a_tower_in_a_folder(here: Hub, mine: Path) -> None:
    config = (mine / "config.json").read_text()
    (mine / "config.json").write_text(config.replace('"all-minilm-l6-v2"', '"./towers/mine"'))
    with pytest.raises(WeightsError, match=r"a folder that others do not have"):
        push(mine, NAME)
    assert here.asked == []


def refusal(mine: Path, name: str) -> str:
    with pytest.raises(WeightsError) as caught:
        push(mine, name)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_whoever_may_not_write(here: Hub, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "log in as stranger, with a token that may write" in refusal(mine, "stranger/mine")
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    assert "log in with `hf auth login`" in refusal(mine, NAME)
    monkeypatch.delenv("HF_TOKEN")
    assert "log in with `hf auth login`" in refusal(mine, NAME)


def test_a_hub_that_fails(here: Hub, mine: Path) -> None:
    here.failure = 500
    assert "huggingface.co answers HTTP 500; somebody/mine is there as it was before" in refusal(mine, NAME)


def test_a_licence_that_the_hub_does_not_know() -> None:
    head = card_for_hub("# A card", "Mine: don't ask").splitlines()
    assert head[3:5] == ["license: other", "license_name: 'Mine: don''t ask'"]
    assert card_for_hub("---\nlicense: mit\n---\n", "MIT") == "---\nlicense: mit\n---\n"
