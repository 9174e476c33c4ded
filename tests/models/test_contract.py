"""One contract for every kind of model: what holds for FreeSeg-Lite holds for a CLIP, tiny ones of each."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import freeseg
from freeseg.loading import on_torch
from freeseg.models import Config, Preprocessing, TowerPair, checkpoint
from freeseg.models.devices import cpu_supports
from freeseg.models.towers import untrained
from freeseg.pipeline import FreeSeg
from networks import tiny_network
from tiny import embed_text, iclip_of, tell_patches_apart, tiny_iclip
from tiny_transformers import ZERO_SHOT

LABELS = ["cat", "dog|puppy", "red car"]
TRAINED = ("dinov2", "dino")  # images only: their heads are trained ones, over another's words
KINDS = ("lite", "network", *ZERO_SHOT, *TRAINED)
HALF_TOLERANCE = 0.03  # of a cosine: bfloat16 has 8 bits
NOISE = np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of model."""
    return str(request.param)


@pytest.fixture(scope="module")
def model(kind: str, folders: dict[str, Path]) -> FreeSeg:
    """A tiny model of a kind."""
    if kind == "lite":
        return on_torch(
            tell_patches_apart(tiny_iclip()), Config("tiny", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(64))
        )
    if kind == "network":
        return on_torch(
            tell_patches_apart(tiny_network()),
            Config("tiny", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(64)),
        )
    if kind in ZERO_SHOT:
        return freeseg.load(folders[kind])
    pair = TowerPair(str(folders[kind]), str(folders["clip"]))
    torch.manual_seed(0)
    iclip = untrained(pair)
    return on_torch(iclip, Config(kind, pair, preprocessing=Preprocessing(64, multiple=iclip.stride)))


class TestContract:
    @pytest.mark.parametrize("size", [(1, 1), (7, 40), (33, 64), (250, 9)])
    def test_a_patch_for_every_stride_begun(self, model: FreeSeg, size: tuple[int, int]) -> None:
        pixels = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8)
        rows, columns = (-(-side // iclip_of(model).stride) for side in size)
        with torch.inference_mode():
            found = iclip_of(model).embed_image(pixels)
        assert found.shape == (2, iclip_of(model).dim, rows, columns)
        assert found.dtype == torch.float32
        assert found.isfinite().all()

    def test_images_of_a_batch_do_not_see_each_other(self, model: FreeSeg) -> None:
        pixels = torch.randint(0, 256, (3, 3, 40, 56), dtype=torch.uint8)
        with torch.inference_mode():
            together = iclip_of(model).embed_image(pixels)
            alone = torch.cat([iclip_of(model).embed_image(image[None]) for image in pixels])
        torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)

    def test_texts_are_unit_vectors_whatever_their_batch(self, model: FreeSeg) -> None:
        texts = ["cat", "a photo of a dog in a red car", "猫", ""]
        with torch.inference_mode():
            together = embed_text(iclip_of(model), texts)
            alone = torch.cat([embed_text(iclip_of(model), [text]) for text in texts])
        assert together.shape == (4, iclip_of(model).dim)
        assert together.dtype == torch.float32
        torch.testing.assert_close(together.norm(dim=1), torch.ones(4))
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)

    def test_photos_of_mixed_sizes_are_segmented_as_one_by_one(self, model: FreeSeg) -> None:
        photos = [NOISE, NOISE[:20], NOISE[:, :9], NOISE[:1, :1], np.tile(NOISE[:12], (1, 6, 1))]
        for photo, result in zip(photos, model.segment(list(photos), LABELS), strict=True):
            alone = model.segment(photo, LABELS)
            assert result.mask.shape == photo.shape[:2]
            assert result.mask.dtype == np.uint8
            assert result.confidence.dtype == np.float32
            assert result.labels == ("background", "cat", "dog", "red car")
            assert np.array_equal(result.mask, alone.mask)
            assert np.array_equal(result.confidence, alone.confidence)

    def test_other_sizes_in_between_leave_nothing_behind(self, model: FreeSeg) -> None:
        first = model.similarity(NOISE, LABELS)
        model.similarity(np.tile(NOISE, (1, 7, 1)), LABELS)
        assert np.array_equal(model.similarity(NOISE, LABELS), first)

    def test_similarity_is_a_cosine_at_the_photos_size(self, model: FreeSeg) -> None:
        maps = model.similarity(NOISE, LABELS)
        assert maps.shape == (3, *NOISE.shape[:2])
        assert maps.dtype == np.float32
        assert np.abs(maps).max() <= 1 + 1e-5

    def test_a_saved_model_comes_back(
        self, kind: str, model: FreeSeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if kind in ("lite", "network"):
            pytest.skip("its towers are a test's own; tests/models/test_checkpoint.py saves the embedded one")
        checkpoint.save(iclip_of(model), replace(model.config, licence="CC0-1.0"), tmp_path / "model")
        monkeypatch.setenv("FREESEG_TOWERS", str(Path(model.config.towers.image).parent))
        back = freeseg.load(tmp_path / "model")
        assert back.config.towers_sha256.keys() == {model.config.towers.image, model.config.towers.text}
        np.testing.assert_allclose(back.similarity(NOISE, LABELS), model.similarity(NOISE, LABELS), atol=2e-3)
        if kind in ZERO_SHOT:  # its heads are identities: nothing is lost in writing them as float16
            assert np.array_equal(back.segment(NOISE, LABELS).mask, model.segment(NOISE, LABELS).mask)

    @pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
    def test_half_precision_is_near(self, kind: str, model: FreeSeg, precision: torch.dtype) -> None:
        if not cpu_supports(precision):
            pytest.skip(f"this CPU does not compute in {precision}")
        half = on_torch(copy.deepcopy(iclip_of(model)), model.config)
        iclip_of(half).set_precision(precision)
        near = half.similarity(NOISE, LABELS)
        assert near.dtype == np.float32
        assert np.abs(near - model.similarity(NOISE, LABELS)).max() < HALF_TOLERANCE
        assert half.segment(NOISE, LABELS).mask.shape == NOISE.shape[:2]

    @pytest.mark.parametrize("device", ["cuda", "mps"])
    def test_another_device_says_the_same(self, model: FreeSeg, device: str) -> None:
        if not getattr(torch.backends, device).is_available() if device == "mps" else not torch.cuda.is_available():
            pytest.skip(f"no {device} here")
        there = on_torch(copy.deepcopy(iclip_of(model)).to(device), model.config)
        here = model.similarity(NOISE, LABELS)
        np.testing.assert_allclose(there.similarity(NOISE, LABELS), here, atol=2e-3)
        assert there.segment(NOISE, LABELS).mask.shape == NOISE.shape[:2]

    def test_nothing_is_left_to_train_but_the_heads(self, model: FreeSeg) -> None:
        free = {name.split(".")[0] for name, tensor in iclip_of(model).named_parameters() if tensor.requires_grad}
        assert free <= {name.split(".")[0] for name in iclip_of(model).trained_tensors()}
        assert not iclip_of(model).training


def test_photos_are_seen_as_whole_patches(folders: dict[str, Path]) -> None:
    model = freeseg.load(folders["clip"])
    for size in [(400, 300), (31, 1000), (5, 5)]:
        pixels = model.prepare(Image.new("RGB", size)).pixels
        assert all(side % iclip_of(model).stride == 0 for side in pixels.shape[:2])
