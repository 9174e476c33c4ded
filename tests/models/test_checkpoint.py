"""Models on disk: what is written is what is read, and what is not ours is refused in one line."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import freeseg
from freeseg.decision.rule import Decision
from freeseg.errors import OutputError, WeightsError
from freeseg.files import sha256
from freeseg.models import TEACHER, Config, Preprocessing, checkpoint, embedded_folder, hub, read_config
from freeseg.models.card import CARD
from freeseg.models.checkpoint import load, save
from freeseg.models.config import CONFIG, WEIGHTS
from freeseg.models.iclip import ICLIP
from freeseg.models.onnx_files import DESCRIPTION, WORDS
from freeseg.pipeline import FreeSeg
from tiny import iclip_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the embedded model, to be damaged."""
    light = shutil.ignore_patterns("*.onnx", DESCRIPTION, WORDS)  # a training does not write them
    return Path(shutil.copytree(embedded_folder(TEACHER), tmp_path / "model", ignore=light))


@pytest.fixture
def quick_towers(teacher: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded model's towers under new heads, without reading their weights again."""
    towers = iclip_of(teacher).image_tower, iclip_of(teacher).text_tower
    monkeypatch.setattr(checkpoint, "untrained", lambda _, hidden: ICLIP(*towers, iclip_of(teacher).dim, hidden=hidden))


def change_config(folder: Path, **changes: Any) -> Path:
    raw = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**raw, **changes}))
    return folder


def change_weights(folder: Path, content: bytes) -> Path:
    """Other bytes, which the config vouches for."""
    (folder / WEIGHTS).write_bytes(content)
    return change_config(folder, weights_sha256=sha256(folder / WEIGHTS))


def refused(folder: Path, read: Callable[[Path], object] = load) -> str:
    """The message with which a folder is refused: one line."""
    with pytest.raises(WeightsError) as caught:
        read(folder)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


class TestRoundTrip:
    def test_a_saved_model_comes_back(self, teacher: FreeSeg, tmp_path: Path) -> None:
        """With the published towers, as a user loads it."""
        config = replace(teacher.config, name="mine", preprocessing=Preprocessing(160), training={"sources": {"a": 3}})
        written = save(iclip_of(teacher), config, tmp_path / "new" / "model")
        model = freeseg.load(tmp_path / "new" / "model")
        assert model.config == written
        assert model.config == replace(config, weights_sha256=sha256(tmp_path / "new" / "model" / WEIGHTS))
        photo = np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8)
        embedded_at_160 = teacher.with_config(config)
        assert np.array_equal(model.similarity(photo, ["cat"]), embedded_at_160.similarity(photo, ["cat"]))
        assert not any(parameter.requires_grad for parameter in iclip_of(model).parameters())
        assert not iclip_of(model).training

    def test_an_mlp_head_comes_back(self, teacher: FreeSeg, tmp_path: Path, quick_towers: None) -> None:
        towers = iclip_of(teacher).image_tower, iclip_of(teacher).text_tower
        original = ICLIP(*towers, iclip_of(teacher).dim, hidden=8)
        original.image_head.mean.copy_(torch.rand(len(original.image_head.mean)))
        save(original, Config("mlp", teacher.config.towers, hidden=8), tmp_path)
        loaded, config = load(tmp_path)
        assert config.hidden == 8
        for name, tensor in original.trained_tensors().items():
            assert torch.equal(loaded.trained_tensors()[name], tensor.half().float()), name

    def test_only_the_heads_are_written(self, folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        assert {name.split(".")[0] for name in tensors} == {"image_head", "text_head"}
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
        assert sorted(path.name for path in folder.iterdir()) == sorted([CONFIG, WEIGHTS, CARD])

    def test_an_older_config_may_lack_what_has_a_default(self, folder: Path) -> None:
        raw = json.loads((folder / CONFIG).read_text())
        del raw["metrics"], raw["decision"]["refine_steps"]
        (folder / CONFIG).write_text(json.dumps(raw))
        config = read_config(folder)
        assert config.metrics == {}
        assert config.decision.refine_steps == Decision().refine_steps

    def test_a_folder_that_cannot_be_written(self, teacher: FreeSeg, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="cannot write to"):
            save(iclip_of(teacher), teacher.config, tmp_path / "file")


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_said_and_leaves_nothing(teacher: FreeSeg, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*model\.safetensors"):
        checkpoint.save(iclip_of(teacher), teacher.config, tmp_path / "model")
    assert not list((tmp_path / "model").iterdir())


class TestWeightsThatAreRefused:
    @pytest.mark.parametrize(
        "damage", [lambda b: b[:-1], lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" + b]
    )
    def test_altered_or_cut_short(self, folder: Path, damage: Callable[[bytes], bytes]) -> None:
        (folder / WEIGHTS).write_bytes(damage((folder / WEIGHTS).read_bytes()))
        message = refused(folder)
        assert f"{folder / WEIGHTS} was altered or cut short" in message
        assert "install FreeSeg again, or train the model again" in message

    def test_missing(self, folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        assert f"{folder / WEIGHTS} is missing" in refused(folder)

    def test_cut_short_before_they_were_vouched_for(self, folder: Path, quick_towers: None) -> None:
        change_weights(folder, (folder / WEIGHTS).read_bytes()[:-100])
        assert "does not fit its config" in refused(folder)

    def test_a_pickle_is_not_run(self, folder: Path, quick_towers: None, tmp_path: Path) -> None:
        class Trap:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return (exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",))

        pickle.loads(pickle.dumps(Trap()))  # noqa: S301 - the trap works
        assert (tmp_path / "sprung").exists()
        (tmp_path / "sprung").unlink()
        for content in (pickle.dumps(Trap()), pickle.dumps({"image_head.mean": Trap()})):
            change_weights(folder, content)
            assert "does not fit its config" in refused(folder)
        torch.save({"image_head.mean": Trap()}, folder / WEIGHTS)
        change_weights(folder, (folder / WEIGHTS).read_bytes())
        assert "does not fit its config" in refused(folder)
        assert not (tmp_path / "sprung").exists()

    def test_of_other_shapes(self, folder: Path, quick_towers: None) -> None:
        change_config(folder, hidden=8)
        assert "size mismatch" in refused(folder)

    def test_incomplete(self, folder: Path, quick_towers: None) -> None:
        tensors = load_file(folder / WEIGHTS)
        del tensors["text_head.weight"]
        save_file(tensors, folder / WEIGHTS)
        change_weights(folder, (folder / WEIGHTS).read_bytes())
        assert "lacks text_head.weight" in refused(folder)


class TestConfigsThatAreRefused:
    def test_none(self, tmp_path: Path) -> None:
        assert f"{tmp_path} holds no config.json" in refused(tmp_path)

    @pytest.mark.parametrize("text", ["", "{", "\ufeff{}", "null", "[]", '"freeseg-1"', "{}"])
    def test_no_config_at_all(self, folder: Path, text: str) -> None:
        (folder / CONFIG).write_text(text)
        assert str(folder / CONFIG) in refused(folder, read_config)

    def test_no_text(self, folder: Path) -> None:
        (folder / CONFIG).write_bytes(b"\xff\x00")
        assert "cannot be read" in refused(folder, read_config)

    @pytest.mark.parametrize("other", ["freeseg-2", "", None, 1])
    def test_another_format(self, folder: Path, other: object) -> None:
        assert "not a FreeSeg model of format freeseg-1" in refused(change_config(folder, format=other), read_config)

    def test_unknown_entries_are_named(self, folder: Path) -> None:
        assert "unknown entries (colour, size)" in refused(change_config(folder, size=1, colour=2), read_config)

    @pytest.mark.parametrize("part", ["preprocessing", "decision"])
    @pytest.mark.parametrize("value", [{"colour": 1}, None, 3])
    def test_unknown_or_missing_parts(self, folder: Path, part: str, value: object) -> None:
        said = refused(change_config(folder, **{part: value}), read_config)
        assert f"{part} is {value}; it must be " in said or "is incomplete" in said

    @pytest.mark.parametrize("entry", ["name", "image_tower", "decision"])
    def test_entries_that_must_be_there(self, folder: Path, entry: str) -> None:
        raw = json.loads((folder / CONFIG).read_text())
        del raw[entry]
        (folder / CONFIG).write_text(json.dumps(raw))
        message = refused(folder, read_config)
        assert "is incomplete" in message
        assert entry in message

    def test_an_image_tower_of_the_future(self, folder: Path) -> None:
        message = refused(change_config(folder, image_tower="efficientnet-lite9"))
        assert "'efficientnet-lite9'" in message
        assert "efficientnet-lite2" in message

    @pytest.mark.parametrize("role", ["image_tower", "text_tower"])
    def test_a_tower_elsewhere_is_not_even_looked_for(
        self, folder: Path, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A config may come from a stranger."""
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        monkeypatch.setattr(hub.names, "_named", set())
        message = refused(change_config(folder, **{role: "/elsewhere/clip"}))
        assert "'/elsewhere/clip', which lies elsewhere and was not named by you" in message
        assert "FREESEG_TOWERS" in message
        monkeypatch.setenv("FREESEG_TOWERS", "/elsewhere")
        assert "there is no folder '/elsewhere/clip'" in refused(folder)

    @pytest.mark.parametrize("tower", ["efficientnet-lite2-multilevel", "all-minilm-l6-v2"])
    def test_towers_of_other_weights(self, folder: Path, tower: str) -> None:
        towers = read_config(folder).towers_sha256
        assert tower in towers
        assert "other tower weights" in refused(change_config(folder, towers={**towers, tower: "0" * 64}))
        towers.pop(tower)
        assert "other tower weights" in refused(change_config(folder, towers=towers))
