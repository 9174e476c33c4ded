"""Models of the hub, against a hub on this machine: what is asked for and fetched, and a line for what is refused."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

import hub_server
from freeseg.errors import WeightsError
from freeseg.models.hub import describe, download, is_name, known_models, name_by_user, repository, resolve
from hub_server import NEEDED, WHOLE, Hub, commit, point_to

NAME = "some/clip"
PAGE = "https://huggingface.co/some/clip"


@pytest.fixture
def unplug(here: Hub, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes the network away: the connection is refused."""

    def take_away() -> None:
        here.shutdown()
        here.server_close()
        point_to(f"http://127.0.0.1:{here.server_port}", monkeypatch)

    return take_away


def refused(call: Callable[[], object]) -> str:
    """The line with which something is refused; it names the hub by its public name only."""
    with pytest.raises(WeightsError) as caught:
        call()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "127.0.0.1" not in message
    return message


def says_how_to_get_it_by_hand(message: str) -> bool:
    return all(part in message for part in (f"git clone {PAGE}", f"{PAGE}/tree/main", "--model ./clip"))


class TestNames:
    @pytest.mark.parametrize(
        "name", ["", "a", "./a", "../a", "/a/b", "a/b/c", "~/a", "a/b c", "a\0/b", "C:\\a", "a/" + "b" * 200]
    )
    def test_of_something_else(self, name: str, here: Hub) -> None:
        assert not is_name(name)
        assert "openai/clip-vit-base-patch16" in refused(lambda: resolve(name))
        assert here.asked == []


class TestFetching:
    def test_only_what_is_needed(self, here: Hub, tmp_path: Path) -> None:
        folder = resolve(NAME)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: WHOLE[name] for name in NEEDED}
        assert here.fetched == set(NEEDED)
        assert folder == tmp_path / "home" / "hub" / "models--some--clip" / "snapshots" / commit("main")

    def test_once(self, here: Hub) -> None:
        folder = resolve(NAME)
        here.asked.clear()
        assert resolve(NAME) == folder
        assert here.asked == ["GET /api/models/some/clip"]

    def test_what_is_new(self, here: Hub) -> None:
        first = resolve(NAME)
        here.asked.clear()
        here.models[NAME].revisions["newer"] = {**WHOLE, "merges.txt": b"others"}
        assert resolve(NAME, revision="newer") != first
        assert here.fetched == {"merges.txt"}  # the rest is the same and shared

    def test_a_download_that_was_stopped_goes_on(self, here: Hub) -> None:
        folder = resolve(NAME)
        (folder / "merges.txt").unlink()
        assert describe(NAME).missing == len(WHOLE["merges.txt"])
        assert resolve(NAME) == folder
        assert (folder / "merges.txt").read_bytes() == WHOLE["merges.txt"]

    def test_shards(self, here: Hub) -> None:
        shards = {f"model-0000{number}-of-00002.safetensors": b"part" for number in (1, 2)}
        index = {"model.safetensors.index.json": b"{}"}
        here.models[NAME].revisions["main"] = {"config.json": b"{}", **shards, **index, "pytorch_model.bin": b"x"}
        assert {path.name for path in resolve(NAME).iterdir()} == {"config.json", *shards, *index}

    def test_a_revision(self, here: Hub) -> None:
        here.models[NAME].revisions["v2"] = {**WHOLE, "model.safetensors": b"second"}
        assert (resolve(NAME, revision="v2") / "model.safetensors").read_bytes() == b"second"
        assert resolve(NAME) != resolve(NAME, revision="v2")

    def test_a_commit_that_is_here_asks_nobody(self, here: Hub) -> None:
        folder = resolve(NAME, revision=commit("main"))
        here.asked.clear()
        assert resolve(NAME, revision=commit("main")) == folder
        assert here.asked == []

    def test_a_full_disk_is_noticed_before(self, here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000))
        message = refused(lambda: resolve(NAME))
        assert "some/clip needs 0 MB" in message
        assert "HF_HOME" in message
        assert here.fetched == set()

    def test_a_disk_that_fills_up(self, here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(repository, "snapshot_download", full)
        message = refused(lambda: resolve(NAME))
        assert "No space left on device" in message
        assert "HF_HOME" in message


class TestDescription:
    def test_of_a_model_of_the_hub(self, here: Hub, tmp_path: Path) -> None:
        model = describe(NAME)
        assert list(model.files) == list(NEEDED)
        assert model.files == {name: len(WHOLE[name]) for name in NEEDED}
        assert model.total == model.missing == sum(len(WHOLE[name]) for name in NEEDED)
        assert (model.kind, model.licence, model.gated, model.sha) == ("clip", "mit", False, commit("main"))
        assert here.fetched == set()
        assert download(model) == model.folder
        assert (describe(NAME).missing, describe(NAME).here) == (0, set(NEEDED))

    @pytest.mark.parametrize(
        ("card", "licence"),
        [
            ({}, ""),
            ({"license": None}, ""),
            ({"license": ["mit", "cc0-1.0"]}, "mit, cc0-1.0"),
            ({"license": "other", "license_name": "for-research"}, "for-research"),
            ({"license": "other"}, "other"),
            (None, ""),
        ],
    )
    def test_licences(self, here: Hub, card: dict[str, object], licence: str) -> None:
        here.models[NAME].card = card
        assert describe(NAME).licence == licence

    def test_of_a_folder(self, here: Hub, tmp_path: Path) -> None:
        for name, data in WHOLE.items():
            if "/" not in name:
                (tmp_path / name).write_bytes(data)
        model = describe(str(tmp_path))
        assert model.files == {name: len(WHOLE[name]) for name in NEEDED}
        assert (model.kind, model.licence, model.missing, model.sha) == ("clip", "mit", 0, "")
        assert resolve(str(tmp_path)) == tmp_path
        assert here.asked == []

    @pytest.mark.parametrize("card", [b"", b"no metadata", b"---\nlicense: [\n---\n", b"\xff"])
    def test_of_a_folder_whose_card_says_nothing(self, tmp_path: Path, card: bytes) -> None:
        for name, data in {"config.json": b"[]", "model.safetensors": b"", "README.md": card}.items():
            (tmp_path / name).write_bytes(data)
        assert (describe(str(tmp_path)).licence, describe(str(tmp_path)).kind) == ("", "")

    def test_a_folder_of_the_same_name_comes_first(self, here: Hub, tmp_path: Path) -> None:
        (tmp_path / NAME).mkdir(parents=True)
        assert "some/clip holds no config.json" in refused(lambda: resolve(NAME))
        assert here.asked == []


class TestRefusals:
    def test_unknown(self, here: Hub) -> None:
        name_by_user("some/other")
        message = refused(lambda: resolve("some/other"))
        assert "no folder some/other, and no model of that name on huggingface.co" in message
        assert "hf auth login" in message

    def test_unknown_revision(self, here: Hub) -> None:
        message = refused(lambda: resolve(NAME, revision="v9"))
        assert "no revision 'v9'" in message
        assert f"{PAGE}/commits" in message

    def test_a_revision_of_a_folder(self, tmp_path: Path) -> None:
        assert "has no revision 'v2'" in refused(lambda: resolve(str(tmp_path), revision="v2"))

    def test_gated(self, here: Hub) -> None:
        """What it is can be seen; its files cannot be fetched."""
        here.models[NAME].gated = "manual"
        assert describe(NAME).gated
        message = refused(lambda: resolve(NAME))
        assert f"some/clip is gated: ask for access at {PAGE}" in message
        assert "hf auth login" in message

    @pytest.mark.parametrize(("status", "said"), [(500, "HTTP 500"), (429, "HTTP 429"), (403, "HTTP 403")])
    def test_a_hub_that_is_down(self, here: Hub, status: int, said: str) -> None:
        here.failure = status
        message = refused(lambda: resolve(NAME))
        assert said in message
        assert says_how_to_get_it_by_hand(message)

    def test_no_network(self, unplug: Callable[[], None]) -> None:
        unplug()
        message = refused(lambda: resolve(NAME))
        assert "no folder some/clip, and it cannot be fetched from huggingface.co ([Errno" in message
        assert "Connection refused)" in message
        assert says_how_to_get_it_by_hand(message)

    def test_a_network_that_goes_away(self, here: Hub, unplug: Callable[[], None]) -> None:
        model = describe(NAME)
        unplug()
        message = refused(lambda: download(model))
        assert "Connection refused" in message
        assert says_how_to_get_it_by_hand(message)

    def test_a_file_that_goes_away(self, here: Hub) -> None:
        model = describe(NAME)
        del here.models[NAME].revisions["main"]["merges.txt"]
        assert "changed while it was fetched (merges.txt is gone)" in refused(lambda: download(model))

    def test_offline(self, here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        message = refused(lambda: resolve(NAME))
        assert f"no folder some/clip, it is not in {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids" in message
        assert says_how_to_get_it_by_hand(message)
        assert here.asked == []

    def test_a_page_instead_of_an_answer(self, here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        """As the log-in page of a hotel's network."""
        monkeypatch.setattr("hub_server.info", lambda *_: ["not", "a", "model"])
        assert says_how_to_get_it_by_hand(refused(lambda: resolve(NAME)))

    @pytest.mark.parametrize(
        "wrong", [{"rfilename": []}, {"rfilename": 7}, {"size": {"a": 1}}, {"size": "x"}, {"size": -1}]
    )
    def test_an_answer_of_wrong_types(
        self, here: Hub, wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right = hub_server.info

        def spoilt(*given: Any) -> dict[str, Any]:
            answer = right(*given)
            for sibling in answer["siblings"]:
                sibling.update(wrong)
            return answer

        monkeypatch.setattr(hub_server, "info", spoilt)
        assert "what huggingface.co says of some/clip makes no sense (" in refused(lambda: describe(NAME))

    @pytest.mark.parametrize("lost", ["config.json", "model.safetensors"])
    def test_a_missing_file(self, here: Hub, lost: str) -> None:
        files = {name: data for name, data in WHOLE.items() if name not in (lost, "pytorch_model.bin")}
        here.models[NAME].revisions["main"] = files
        assert f"some/clip holds no {lost}" in refused(lambda: resolve(NAME))
        assert here.fetched == set()

    def test_a_config_that_is_no_json(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text("{")
        (tmp_path / "model.safetensors").touch()
        assert f"{tmp_path / 'config.json'} is no JSON" in refused(lambda: resolve(str(tmp_path)))


class TestPickles:
    @pytest.fixture
    def pickled(self, here: Hub) -> Hub:
        """The hub's model without safetensors."""
        files = here.models[NAME].revisions["main"]
        del files["model.safetensors"]
        return here

    def test_of_transformers_are_fetched_as_only_tensors_of_them_are_read(self, pickled: Hub) -> None:
        folder = resolve(NAME)
        assert (folder / "pytorch_model.bin").read_bytes() == WHOLE["pytorch_model.bin"]
        assert "flax_model.msgpack" not in pickled.fetched

    def test_of_another_format_are_refused(self, pickled: Hub) -> None:
        files = pickled.models[NAME].revisions["main"]
        files["open_clip_pytorch_model.bin"] = files.pop("pytorch_model.bin")
        message = refused(lambda: resolve(NAME))
        assert "some/clip has its weights as a pickle of another format only (open_clip_pytorch_model.bin)" in message
        assert "can run code" in message
        assert "convert it" in message
        assert pickled.fetched == set()


class TestTheCopyInTheCache:
    """Where the hub cannot be asked, what was fetched before will do."""

    def test_offline(self, here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = resolve(NAME)
        here.asked.clear()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert resolve(NAME) == folder
            model = describe(NAME)
        assert (model.name, model.sha, model.missing, model.kind) == (NAME, commit("main"), 0, "clip")
        assert here.asked == []

    def test_no_network_is_said(self, unplug: Callable[[], None]) -> None:
        folder = resolve(NAME)
        unplug()
        with pytest.warns(UserWarning, match="the copy of some/clip in the hub's cache is used") as said:
            assert resolve(NAME) == folder
        assert "127.0.0.1" not in str(said[0].message)

    @pytest.mark.parametrize("status", [500, 403])
    def test_a_hub_that_is_down_or_shut(self, here: Hub, status: int) -> None:
        folder = resolve(NAME)
        here.failure = status
        with pytest.warns(UserWarning, match=f"HTTP {status}"):
            assert resolve(NAME) == folder

    def test_a_revision_that_is_gone_is_not_replaced(self, here: Hub) -> None:
        here.models[NAME].revisions["v2"] = dict(WHOLE)
        resolve(NAME, revision="v2")
        del here.models[NAME].revisions["v2"]
        assert "no revision 'v2'" in refused(lambda: resolve(NAME, revision="v2"))

    @pytest.mark.parametrize("lost", ["config.json", "model.safetensors"])
    def test_half_of_it_will_not_do(self, here: Hub, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
        (resolve(NAME) / lost).unlink()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE" in refused(lambda: resolve(NAME))

    def test_another_revision_will_not_do(self, here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        resolve(NAME)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE" in refused(lambda: resolve(NAME, revision="v2"))


class TestKnownModels:
    def test_all_are_names_of_the_hub(self) -> None:
        names = [model.name for model in known_models()]
        assert all(map(is_name, names))
        assert len(set(names)) == len(names)

    def test_what_must_be_known(self) -> None:
        assert all(model.licence and model.about and 50 < model.megabytes < 5000 for model in known_models())
