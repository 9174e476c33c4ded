"""A hub that cannot be trusted: other bytes than it lists, names that lead elsewhere, models that only a file names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from huggingface_hub import file_download

from freeseg.errors import WeightsError
from freeseg.models.hub import named_in_a_file, resolve
from freeseg.models.registry import find_model
from hub_server import WHOLE, Hub, Model

NAME = "hostile/clip"
STRANGE = "nobody/named"


@pytest.fixture
def models() -> dict[str, Model]:
    """A model that the user has named, and another one."""
    return {NAME: Model(), STRANGE: Model()}


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_altered_bytes_of_the_right_size(here: Hub, file: str) -> None:
    here.models[NAME].served[file] = WHOLE[file].replace(b"s", b"z").replace(b"c", b"k")
    with pytest.raises(WeightsError, match=f"is not the {file} that the hub lists"):
        resolve(NAME)


def test_an_altered_file_that_goes_by_another_hash(here: Hub) -> None:
    here.models[NAME].served["model.safetensors"] = b"other" * 200
    here.models[NAME].etags["model.safetensors"] = "a" * 32
    with pytest.raises(WeightsError, match=r"is not the model\.safetensors that the hub lists"):
        resolve(NAME)


def test_a_file_that_is_altered_in_the_cache(here: Hub) -> None:
    weights = (resolve(NAME) / "model.safetensors").resolve()
    assert resolve(NAME).is_dir()
    info = weights.stat()
    weights.write_bytes(b"x" + weights.read_bytes()[1:])
    os.utime(weights, ns=(info.st_atime_ns, info.st_mtime_ns + 1))
    for _ in range(2):
        with pytest.raises(WeightsError, match=f"{weights} is not the model"):
            resolve(NAME)
    weights.unlink()
    assert (resolve(NAME) / "model.safetensors").read_bytes() == WHOLE["model.safetensors"]


@pytest.mark.parametrize("etag", ["../../../../outside", "..", "a/b", ".hidden", "x" * 300])
def test_an_etag_that_leads_out_of_the_cache(here: Hub, etag: str, tmp_path: Path) -> None:
    here.models[NAME].etags["config.json"] = etag
    before = file_download.get_hf_file_metadata
    with pytest.raises(WeightsError, match=r"the hub names a file .* which is no hash"):
        resolve(NAME)
    assert file_download.get_hf_file_metadata is before
    outside = [path for path in tmp_path.rglob("*") if "outside" in path.name and path.is_file()]
    assert outside == []
    assert not any(path.is_file() for path in (tmp_path / "home").iterdir())


class TestNamedByAFile:
    def test_is_not_asked_for(self, here: Hub) -> None:
        with pytest.raises(WeightsError, match=f"if you trust it, run freeseg fetch {STRANGE} --revision dev$"):
            resolve(STRANGE, revision="dev")
        with named_in_a_file(), pytest.raises(WeightsError, match=f"run freeseg fetch {STRANGE}$"):
            find_model(STRANGE)
        assert here.asked == []

    def test_is_used_where_it_was_fetched(self, here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = find_model(NAME)
        monkeypatch.setattr("freeseg.models.hub.names._named", set())
        here.asked.clear()
        assert resolve(NAME) == folder
        assert here.asked == []

    def test_towers_of_a_checkpoint(self, here: Hub, tmp_path: Path) -> None:
        from freeseg.models import checkpoint
        from freeseg.models.config import Config, TowerPair

        config = Config("mine", TowerPair(STRANGE, STRANGE), towers_sha256={STRANGE: "0" * 64})
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "config.json").write_text(json.dumps(config.to_json()))
        with pytest.raises(WeightsError, match=f"run freeseg fetch {STRANGE}"):
            checkpoint.load(tmp_path / "mine")
        assert here.asked == []
