"""A network from Python, in one call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import freeseg
from freeseg.data.free_masks import LABELS, MaskSettings, open_free_masks
from freeseg.distributed import Parts, missing_blocks, photo_references
from freeseg.distributed.drivers import in_this_process
from freeseg.errors import FreeSegError
from freeseg.models import Config, hub
from freeseg.training import network
from freeseg.training.loop import StepReport
from freeseg.training.network.recipe import NetworkRecipe
from many_photos import draw_photos, small_free_mask_plan, write_tar
from networks import draw_free_masks
from tiny_transformers import save_clip

ENCODER = "segmentation-lite0"
RECIPE = NetworkRecipe(side=32, batch_size=2, epochs=2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Free masks of photos, a photo without a mask, and a CLIP whose joint space the network shares."""
    _, photos = draw_free_masks(tmp_path)
    (tmp_path / "photos" / "new.png").write_bytes(photos[0].read_bytes())
    save_clip(tmp_path / "clip")
    monkeypatch.setenv("FREESEG_CACHE", "off")
    return tmp_path


@pytest.mark.usefixtures("forked")
def test_one_call_does_it_all_and_again_it_changes_nothing(folder: Path) -> None:
    notes: list[str] = []
    steps: list[StepReport] = []
    relabelled: list[tuple[int, int]] = []

    def run() -> Config | None:
        return network.run(
            folder / "masks",
            [folder / "photos"],
            folder / "mine",
            recipe=RECIPE,
            encoder=ENCODER,
            teacher=str(folder / "clip"),
            self_training=1,
            cache=folder / "cache",
            device="cpu",
            on_note=notes.append,
            on_relabelled=lambda done, total, photo: relabelled.append((done, total)),
            on_step=steps.append,
        )

    config = run()
    assert config is not None
    assert notes == ["1 photos have no mask and are not used; `freeseg label` makes them one"]
    assert [(step.step, step.steps) for step in steps] == [(number, 12) for number in range(1, 13)]
    assert relabelled[-1] == (7, 7)
    assert config.name == "mine"
    record = config.training
    assert list(record) == ["recipe", "teacher", "masks", "sources", "command", "versions"]
    assert (record["sources"], record["command"]) == ({"photos": 7}, "freeseg.training.network.run")
    assert record["masks"] == {"photos": 7, "labels": 3, "model": "tiny"}
    assert record["recipe"]["foreground_share"] == 0.7
    assert freeseg.load(folder / "mine").config == config
    weights = (folder / "mine" / "model.safetensors").read_bytes()
    assert run() == config
    assert (folder / "mine" / "model.safetensors").read_bytes() == weights


def test_a_mistake_shows_before_anything_is_computed(folder: Path) -> None:
    where = (folder / "masks", [folder / "photos"], folder / "mine")
    with pytest.raises(FreeSegError, match="no encoder 'resnet'"):
        network.run(*where, encoder="resnet")
    with pytest.raises(FreeSegError, match="int8"):
        network.run(*where, encoder=ENCODER, precision="int8")
    assert not (folder / "mine").exists()


@pytest.mark.parametrize("near", [True, False])
def test_a_teacher_that_masks_name_is_read_where_it_is_expected_only(
    folder: Path, near: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks, place = open_free_masks(folder / "masks"), folder / "gone" if near else Path("/elsewhere/clip")
    monkeypatch.chdir(folder / "photos")
    monkeypatch.setattr(hub.names, "_named", set())
    settings = MaskSettings(masks.vocabulary, "tiny", str(place), "", "1", {})
    (masks.folder / LABELS).write_text(json.dumps(settings.to_dict()))
    with pytest.raises(FreeSegError) as raised:
        network.run(masks.folder, [folder / "photos"], folder / "mine", encoder=ENCODER)
    elsewhere = "made the masks, which lies elsewhere and was not named by you; if you trust it, name it by --teacher"
    assert str(place) in str(raised.value)
    assert (elsewhere in str(raised.value)) != near


def test_masks_in_parquet_files_know_their_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are read where they were labelled, in a tar file for example."""
    pytest.importorskip("pyarrow")
    monkeypatch.setenv("FREESEG_CACHE", "off")
    photos = draw_photos(tmp_path / "photos", 8)
    shard = write_tar(tmp_path / "0.tar", {path.name: path.read_bytes() for path in sorted(photos.iterdir())})
    plan, parts = small_free_mask_plan(), Parts(str(tmp_path / "rows"))
    with parts.begun(plan):
        blocks = missing_blocks(photo_references([str(shard)]), plan, parts, size=4)
        list(in_this_process(blocks, plan, parts.folder))
    save_clip(tmp_path / "clip")
    config = network.run(
        parts.folder,
        [],
        tmp_path / "mine",
        recipe=replace(RECIPE, epochs=1),
        encoder=ENCODER,
        teacher=str(tmp_path / "clip"),
        cache=tmp_path / "cache",
        device="cpu",
    )
    assert config is not None
    assert config.training["sources"] == {"rows": 7}  # one cannot be read
