"""The table of families: who knows which name, and how what a user names is completed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freeseg.errors import FreeSegError, WeightsError
from freeseg.models import TowerPair
from freeseg.models.towers import (
    FAMILIES,
    family_of,
    identities,
    known_names,
    network_family,
    resolve,
    towers_sha256,
    untrained,
)
from tiny_transformers import SAVERS

LITE, LEVELS, NETWORK, TEXT = (
    "efficientnet-lite2",
    "efficientnet-lite2-multilevel",
    "segmentation-lite2",
    "all-minilm-l6-v2",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP and a tiny DINOv2."""
    root = tmp_path_factory.mktemp("towers")
    for kind in ("clip", "dinov2"):
        SAVERS[kind](root / kind)
    return root


class TestNames:
    def test_each_is_known_by_one_family(self) -> None:
        names = known_names()
        assert len(set(names)) == len(names)
        for name in names:
            assert [family for family in FAMILIES if family.knows(name)] == [family_of(name)]

    def test_an_unknown_one_lists_those_there_are(self) -> None:
        for name in ("efficientnet-lite9", "", "clip"):
            with pytest.raises(WeightsError, match="there is no tower") as caught:
                family_of(name)
            assert all(known in str(caught.value) for known in known_names())
            assert len(str(caught.value).splitlines()) == 1

    def test_a_folder_of_a_known_name_does_not_hide_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        before = family_of(LITE)
        (tmp_path / LITE).mkdir()
        assert family_of(LITE) is before
        assert resolve(LITE).image == LITE

    def test_only_networks_are_trained(self) -> None:
        assert network_family(NETWORK) is family_of(NETWORK)
        with pytest.raises(FreeSegError, match=f"no encoder '{LITE}'; use one of: segmentation-lite0, .*{NETWORK}"):
            network_family(LITE)


class TestResolved:
    def test_an_image_tower_without_words_gets_the_default_text_tower(self, root: Path) -> None:
        assert resolve(LITE) == TowerPair(LITE, TEXT)
        assert resolve(str(root / "dinov2")) == TowerPair(str(root / "dinov2"), TEXT, "raw")

    def test_a_clip_brings_its_own(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(root)
        clip = str(root / "clip")
        assert resolve("clip") == TowerPair(clip, clip, "surgery")
        assert resolve("clip", text=TEXT, mode="raw") == TowerPair(clip, TEXT, "raw")
        assert resolve("dinov2", text="clip") == TowerPair(str(root / "dinov2"), clip, "raw")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"mode": "surgery"}, "has no dense modes; leave --mode out"),
            ({"revision": "main"}, "has no revisions; leave --revision out"),
            ({"text": "nothing"}, "there is no tower 'nothing'"),
        ],
    )
    def test_what_a_tower_does_not_have_is_refused(self, options: dict[str, str], message: str) -> None:
        with pytest.raises(WeightsError, match=message):
            resolve(LITE, **options)

    def test_a_network_is_not_trained_on_captions(self) -> None:
        with pytest.raises(WeightsError, match="is trained on free masks, by freeseg train"):
            resolve(NETWORK)


class TestRoles:
    def test_words_only(self) -> None:
        with pytest.raises(WeightsError, match=f"{TEXT} knows words only; name an image tower"):
            untrained(TowerPair(TEXT, TEXT))

    @pytest.mark.parametrize("image", [LITE, "dinov2"])
    def test_images_only(self, image: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(root)
        with pytest.raises(WeightsError, match=f"{image} knows images only; name a text tower beside it"):
            family_of(image).open_text(image)

    def test_attention_is_that_of_a_class_token(self) -> None:
        with pytest.raises(WeightsError, match=f"{LITE} has no class token"):
            family_of(LITE).open_attention(LITE)


class TestIdentities:
    """What the caches of version 0.1.0 were kept under: they must still be found."""

    def test_of_frozen_towers(self, root: Path) -> None:
        own = towers_sha256(TowerPair(LITE, TEXT))
        assert identities(TowerPair(LITE, TEXT)) == (own[LITE], own[TEXT])
        assert identities(TowerPair(LEVELS, TEXT)) == (f"{own[LITE]} multilevel", own[TEXT])
        clip = str(root / "clip")
        weights = towers_sha256(TowerPair(clip, clip))[clip]
        assert identities(TowerPair(clip, clip, "sclip")) == (f"{weights} sclip False", weights)
        assert identities(TowerPair(clip, clip, "sclip", projected=True)) == (f"{weights} sclip True", weights)

    def test_of_a_trained_tower_it_is_the_checkpoint(self) -> None:
        pair = TowerPair(NETWORK, TEXT)
        assert identities(pair, weights_sha256="a" * 64)[0] == "a" * 64
        assert list(towers_sha256(pair)) == [TEXT]


def test_a_checkpoint_with_both_towers_is_read_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from freeseg.models.towers.transformer import loading

    read: list[Path] = []
    load = loading.load_checkpoint
    monkeypatch.setattr(
        loading, "load_checkpoint", lambda folder, **options: read.append(folder) or load(folder, **options)
    )
    model = untrained(resolve(str(root / "clip")))
    assert read == [root / "clip"]
    assert json.loads((root / "clip" / "config.json").read_text())["projection_dim"] == model.dim
