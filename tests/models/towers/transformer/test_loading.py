"""Checkpoints from folders: what they say of themselves is used, and what does not fit together is refused by name."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import freeseg
from freeseg.errors import WeightsError
from freeseg.files import sha256
from freeseg.models import hub
from freeseg.models.towers.transformer.folder import weights_sha256
from freeseg.models.towers.transformer.loading import load_checkpoint
from tiny import iclip_of
from tiny_transformers import CLIP_MEAN, CLIP_STD, PATCH, SIDE, ZERO_SHOT

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.fixture
def clip(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a tiny CLIP, to be damaged."""
    return Path(shutil.copytree(folders["clip"], tmp_path / "clip"))


def change(path: Path, **changes: Any) -> None:
    """Change entries of a JSON file; `a__b` reaches into "a"."""
    raw = json.loads(path.read_text()) if path.exists() else {}
    for name, value in changes.items():
        *outer, last = name.split("__")
        place = raw
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = value
    path.write_text(json.dumps(raw))


def refused(folder: Path, load: Callable[[Path], object] = freeseg.load) -> str:
    """The message with which a folder is refused: one line."""
    with pytest.raises(WeightsError) as caught:
        load(folder)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


class TestWhatACheckpointSays:
    def test_pixels_are_its_own(self, folders: dict[str, Path]) -> None:
        """(x / 255 - mean) / std, in units of 0..255."""
        model = iclip_of(freeseg.load(folders["clip"]))
        torch.testing.assert_close(model.mean.flatten(), 255 * torch.tensor(CLIP_MEAN))
        torch.testing.assert_close(model.std.flatten(), 255 * torch.tensor(CLIP_STD))

    def test_preprocessing_is_its_own(self, folders: dict[str, Path]) -> None:
        seen = {kind: freeseg.load(folders[kind]).config.preprocessing for kind in ZERO_SHOT}
        assert {kind: each.resample for kind, each in seen.items()} == {
            "clip": "bicubic",
            "clip-gelu": "bicubic",
            "siglip": "bicubic",
            "siglip2": "bilinear",
            "siglip2-naflex": "bilinear",
        }
        assert {(each.short_side, each.multiple) for each in seen.values()} == {(SIDE * 3 // 2, PATCH)}

    def test_logit_scale_is_its_own(self, folders: dict[str, Path]) -> None:
        for kind, exponent in {"clip": 4.6052, "siglip": 4.7, "siglip2-naflex": 4.7}.items():
            assert freeseg.load(folders[kind]).config.decision.logit_scale == pytest.approx(np.exp(exponent), rel=1e-5)

    @pytest.mark.parametrize(("kind", "name"), [("clip", "QuickGELU"), ("clip-gelu", "GELU")])
    def test_activation_is_its_own(self, folders: dict[str, Path], kind: str, name: str) -> None:
        loaded = load_checkpoint(folders[kind])
        assert loaded.text is not None
        for network in (loaded.image.network, loaded.text.network):
            assert {type(layer.mlp.activation_fn).__name__ for layer in network.encoder.layers} <= {
                f"{name}Activation",
                name,
            }

    def test_a_processor_file_holds_the_same(self, clip: Path) -> None:
        """transformers 5 writes preprocessing into another file."""
        raw = json.loads((clip / "preprocessor_config.json").read_text())
        before = load_checkpoint(clip).pixels
        (clip / "preprocessor_config.json").unlink()
        change(clip / "processor_config.json", image_processor=raw, processor_class="CLIPProcessor")
        assert load_checkpoint(clip).pixels == before

    def test_a_mode_may_be_chosen(self, folders: dict[str, Path]) -> None:
        assert freeseg.load(folders["clip"]).config.towers.mode == "surgery"
        assert freeseg.load(folders["siglip"]).config.towers.mode == "raw"
        chosen, own = freeseg.load(folders["clip"], mode="naclip"), freeseg.load(folders["clip"])
        assert chosen.config.towers.mode == "naclip"
        assert not np.allclose(chosen.similarity(NOISE, ["cat"]), own.similarity(NOISE, ["cat"]))

    def test_a_name_of_the_hub_and_its_revision(
        self, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[str, str | None]] = []

        def resolve(name: str, *, revision: str | None = None) -> Path:
            asked.append((name, revision))
            return folders["clip"]

        monkeypatch.setattr(hub, "resolve", resolve)
        model = freeseg.load("somebody/some-clip", revision="v2")
        assert asked == [("somebody/some-clip", "v2")]
        assert (model.config.name, model.config.towers.image_revision) == ("somebody/some-clip", "v2")
        local = freeseg.load(folders["clip"])
        assert np.array_equal(model.similarity(NOISE, ["cat"]), local.similarity(NOISE, ["cat"]))


class TestWeights:
    def test_in_several_files(self, folders: dict[str, Path], clip: Path) -> None:
        whole = load_file(clip / "model.safetensors")
        (clip / "model.safetensors").unlink()
        names, weight_map = sorted(whole), {}
        for number, part in enumerate((names[::2], names[1::2]), start=1):
            file = f"model-0000{number}-of-00002.safetensors"
            save_file({name: whole[name] for name in part}, clip / file, metadata={"format": "pt"})
            weight_map |= dict.fromkeys(part, file)
        change(clip / "model.safetensors.index.json", weight_map=weight_map, metadata={"total_size": 1})
        assert weights_sha256(clip) != weights_sha256(folders["clip"])
        found = freeseg.load(clip).similarity(NOISE, ["cat"])
        assert np.array_equal(found, freeseg.load(folders["clip"]).similarity(NOISE, ["cat"]))
        (clip / "model-00002-of-00002.safetensors").unlink()
        assert "model-00002-of-00002.safetensors" in refused(clip)

    def test_a_pickle_of_tensors_is_read_as_tensors(self, folders: dict[str, Path], clip: Path) -> None:
        torch.save(load_file(clip / "model.safetensors"), clip / "pytorch_model.bin")
        (clip / "model.safetensors").unlink()
        found = freeseg.load(clip).similarity(NOISE, ["cat"])
        assert np.array_equal(found, freeseg.load(folders["clip"]).similarity(NOISE, ["cat"]))

    def test_a_pickle_that_would_run_code_is_refused(self, clip: Path, tmp_path: Path) -> None:
        class Trap:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return (exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",))

        pickle.loads(pickle.dumps(Trap()))  # noqa: S301 - the trap works
        (tmp_path / "sprung").unlink()
        torch.save({"logit_scale": Trap()}, clip / "pytorch_model.bin")
        (clip / "model.safetensors").unlink()
        assert "cannot be loaded" in refused(clip)
        assert not (tmp_path / "sprung").exists()

    def test_their_hash_is_the_files(self, clip: Path) -> None:
        assert weights_sha256(clip) == sha256(clip / "model.safetensors")

    def test_cut_short(self, clip: Path) -> None:
        content = (clip / "model.safetensors").read_bytes()
        (clip / "model.safetensors").write_bytes(content[:-100])
        assert str(clip) in refused(clip)

    def test_incomplete(self, clip: Path) -> None:
        tensors = load_file(clip / "model.safetensors")
        del tensors["visual_projection.weight"]
        save_file(tensors, clip / "model.safetensors", metadata={"format": "pt"})
        assert "lacks visual_projection.weight" in refused(clip)

    def test_of_other_shapes(self, clip: Path) -> None:
        change(clip / "config.json", vision_config__intermediate_size=24)
        message = refused(clip)
        assert "other shapes than config.json says" in message
        assert "mlp.fc1" in message
        assert " more" in message


class TestRefused:
    @pytest.mark.parametrize("file", ["model.safetensors", "preprocessor_config.json", "tokenizer.json"])
    def test_a_missing_file_is_named(self, clip: Path, file: str) -> None:
        (clip / file).unlink()
        message = refused(clip)
        assert file in message
        assert str(clip) in message

    def test_a_missing_config(self, clip: Path) -> None:
        (clip / "config.json").unlink()
        assert "config.json" in refused(clip)

    @pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
    @pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
    def test_a_damaged_file_is_named(self, clip: Path, file: str, text: str) -> None:
        (clip / file).write_text(text)
        assert file in refused(clip)

    @pytest.mark.parametrize(
        ("kind", "network"), [("a text tower", "CLIPTextModel"), ("an image tower", "CLIPVisionModel")]
    )
    def test_one_tower_of_a_pair(self, tmp_path: Path, kind: str, network: str) -> None:
        config = getattr(transformers, network.replace("Model", "Config"))
        small = config(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
        getattr(transformers, network)(small).save_pretrained(tmp_path)
        assert f"holds {kind} only" in refused(tmp_path)

    @pytest.mark.parametrize("kind", ["dinov2", "dino"])
    def test_images_only(self, folders: dict[str, Path], kind: str) -> None:
        message = refused(folders[kind])
        assert "knows images only" in message
        assert "freeseg pretrain --image-tower" in message

    def test_another_kind_of_model(self, clip: Path) -> None:
        change(clip / "config.json", model_type="bert")
        message = refused(clip)
        assert "'bert'" in message
        assert "siglip2" in message

    def test_an_unknown_mode(self, folders: dict[str, Path]) -> None:
        message = refused(folders["clip"], lambda folder: freeseg.load(folder, mode="gem"))
        assert "'gem'" in message
        assert "surgery" in message

    def test_a_mode_for_a_model_without_any(self) -> None:
        with pytest.raises(WeightsError, match="has no dense modes; leave --mode out"):
            freeseg.load(mode="surgery")

    def test_a_revision_of_what_has_none(self, folders: dict[str, Path]) -> None:
        for name in (folders["clip"], "freeseg-lite-iclip"):
            with pytest.raises(WeightsError, match="has no revisions; leave --revision out"):
                freeseg.load(name, revision="main")

    def test_another_size_than_the_models(self, clip: Path) -> None:
        change(clip / "preprocessor_config.json", crop_size=SIDE * 2)
        assert f"image_size {SIDE} but its preprocessing has {SIDE * 2}" in refused(clip)

    @pytest.mark.parametrize("key", ["image_mean", "image_std"])
    def test_pixels_without_numbers(self, clip: Path, key: str) -> None:
        change(clip / "preprocessor_config.json", **{key: None})
        assert f"preprocessor_config.json: it lacks {key}" in refused(clip)
        change(clip / "preprocessor_config.json", **{key: [0.0, 1.0]})
        assert "three channels" in refused(clip)

    def test_files_that_disagree_on_the_activation(self, clip: Path) -> None:
        change(clip / "open_clip_config.json", model_cfg__quick_gelu=False, preprocess_cfg={})
        assert "hidden_act 'quick_gelu' but open_clip_config.json says 'gelu'" in refused(clip)
        change(clip / "open_clip_config.json", model_cfg__quick_gelu=True)
        assert freeseg.load(clip).config.name == str(clip)

    def test_files_that_disagree_on_the_pixels(self, clip: Path) -> None:
        change(clip / "open_clip_config.json", model_cfg__quick_gelu=True, preprocess_cfg__mean=[0.5, 0.5, 0.5])
        assert "disagree on the pixels' mean" in refused(clip)

    def test_a_siglip_without_its_pooling(self, folders: dict[str, Path], tmp_path: Path) -> None:
        folder = Path(shutil.copytree(folders["siglip"], tmp_path / "siglip"))
        change(folder / "config.json", vision_config__vision_use_head=False)
        assert "has no pooling head" in refused(folder)


def test_nothing_is_printed(folders: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    """No bars, no reports: transformers writes both."""
    freeseg.load(folders["clip"])
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    assert transformers.utils.logging.is_progress_bar_enabled()


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"vision_config": -1}),
        ("config.json", {"vision_config": [1]}),
        ("config.json", {"vision_config__image_size": "large"}),
        ("config.json", {"text_config": "small"}),
        ("config.json", {"text_config__hidden_act": 3}),
        ("config.json", {"model_type": ["clip"]}),
        ("preprocessor_config.json", {"image_std": [float("nan")] * 3}),
        ("preprocessor_config.json", {"image_mean": 0.5}),
        ("preprocessor_config.json", {"image_mean": [1e308] * 3, "rescale_factor": 1e-308}),
        ("preprocessor_config.json", {"resample": "bicubic"}),
        ("preprocessor_config.json", {"crop_size": {"height": -3}}),
        ("preprocessor_config.json", {"crop_size": {"height": None}}),
        ("preprocessor_config.json", {"do_center_crop": "yes"}),
        ("preprocessor_config.json", {"image_processor": 1}),
        ("preprocessor_config.json", {"max_num_patches": "many"}),
        ("tokenizer_config.json", {"pad_token": 7}),
        ("tokenizer_config.json", {"pad_token": {"content": 7}}),
        ("tokenizer_config.json", {"tokenizer_class": 7}),
        ("open_clip_config.json", {"model_cfg": 7}),
        ("open_clip_config.json", {"model_cfg__quick_gelu": True, "preprocess_cfg__mean": "black"}),
    ],
)
def test_an_entry_of_another_kind_is_named_with_its_file(clip: Path, file: str, changes: dict[str, Any]) -> None:
    change(clip / file, **changes)
    message = refused(clip)
    assert file in message or changes.keys() & {"text_config", "text_config__hidden_act"}  # which transformers refuses
    assert str(clip) in message
    assert len(message) < 600
