"""Image towers against transformers' own forward pass, and against their formulas written out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor
from transformers.models.siglip2.image_processing_pil_siglip2 import convert_image_to_patches

from freeseg.models.towers.transformer.dense import MODES
from freeseg.models.towers.transformer.loading import Checkpoint, load_checkpoint
from freeseg.models.towers.transformer.vision import VisionTower, pad_to_patches
from tiny_transformers import PATCH, SIDE, ZERO_SHOT

NETWORKS = {
    "clip": transformers.CLIPModel,
    "clip-gelu": transformers.CLIPModel,
    "siglip": transformers.SiglipModel,
    "siglip2": transformers.SiglipModel,
    "siglip2-naflex": transformers.Siglip2Model,
    "dinov2": transformers.Dinov2Model,
    "dino": transformers.ViTModel,
}
KINDS = tuple(NETWORKS)
SHAPES = [(SIDE, SIDE), (3 * PATCH, 5 * PATCH), (PATCH, 2 * PATCH)]


@pytest.fixture(scope="module")
def networks(folders: dict[str, Path]) -> dict[str, Any]:
    """transformers' own models of them, frozen as ours are: torch's attention pooling takes another path otherwise."""
    return {kind: NETWORKS[kind].from_pretrained(folders[kind]).eval().requires_grad_(False) for kind in KINDS}


@cache
def loaded_once(folder: Path, *, mode: str = "", projected: bool = True) -> Checkpoint:
    """What `load_checkpoint` gives, for all tests, which leave it as it is."""
    return load_checkpoint(folder, mode=mode, projected=projected)


def noise(shape: tuple[int, int], images: int = 2) -> Tensor:
    return torch.randn(images, 3, *shape, generator=torch.Generator().manual_seed(0))


def grid(rows: Tensor, pixels: Tensor) -> Tensor:
    """(B, h * w, D) -> (B, D, h, w), with loops."""
    height, width = pixels.shape[2] // PATCH, pixels.shape[3] // PATCH
    out = torch.empty(len(rows), rows.shape[2], height, width)
    for y in range(height):
        for x in range(width):
            out[:, :, y, x] = rows[:, y * width + x]
    return out


def naflex(pixels: Tensor) -> dict[str, Tensor]:
    """What SigLIP 2's own image processor makes of pixels."""
    patches = np.stack([convert_image_to_patches(image.numpy(), PATCH) for image in pixels])
    shape = [pixels.shape[2] // PATCH, pixels.shape[3] // PATCH]
    mask = torch.ones(patches.shape[:2], dtype=torch.int32)
    shapes = torch.tensor([shape] * len(pixels))
    return {"pixel_values": torch.from_numpy(patches), "pixel_attention_mask": mask, "spatial_shapes": shapes}


def last_patches(network: Any, kind: str, pixels: Tensor) -> Tensor:
    """Patch tokens after the final norm, by transformers' own forward."""
    if kind == "siglip2-naflex":
        patches: Tensor = network.vision_model(**naflex(pixels)).last_hidden_state
    elif kind == "dinov2":
        patches = network(pixel_values=pixels).last_hidden_state[:, 1:]
    elif kind == "dino":
        patches = network(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state[:, 1:]
    else:
        vision = network.vision_model
        patches = vision(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state
        if kind.startswith("clip"):
            patches = vision.post_layernorm(patches[:, 1:])
    return patches


def global_embedding(tower: VisionTower, kind: str, pixels: Tensor) -> Tensor:
    """The embedding of whole images that a tower's own network gives."""
    if kind == "siglip2-naflex":
        pooled: Tensor = tower.network(*naflex(pixels).values()).pooler_output
    else:
        pooled = tower.network(pixel_values=pixels, interpolate_pos_encoding=True).pooler_output
    embedding: Tensor = tower.projection(pooled)
    return embedding


class TestRaw:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("kind", KINDS)
    @torch.inference_mode()
    def test_is_what_transformers_gives(
        self, folders: dict[str, Path], networks: dict[str, Any], kind: str, shape: tuple[int, int]
    ) -> None:
        pixels, network = noise(shape), networks[kind]
        tower = loaded_once(folders[kind], mode="raw", projected=False).image
        expected = last_patches(network, kind, pixels)
        torch.testing.assert_close(tower.features(pixels), grid(expected, pixels), atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize("kind", ["clip", "clip-gelu"])
    @torch.inference_mode()
    def test_ends_in_the_checkpoints_own_projection(
        self, folders: dict[str, Path], networks: dict[str, Any], kind: str
    ) -> None:
        pixels, network = noise(SHAPES[1]), networks[kind]
        expected = network.visual_projection(last_patches(network, kind, pixels))
        found = loaded_once(folders[kind], mode="raw").image.features(pixels)
        torch.testing.assert_close(found, grid(expected, pixels), atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize("kind", ["siglip", "siglip2", "siglip2-naflex"])
    @torch.inference_mode()
    def test_a_siglip_patch_is_read_as_if_it_were_alone_in_the_pooling(
        self, folders: dict[str, Path], networks: dict[str, Any], kind: str
    ) -> None:
        pixels, network = noise(SHAPES[1]), networks[kind]
        patches = last_patches(network, kind, pixels)
        alone = [network.vision_model.head(patches[:, i : i + 1]) for i in range(patches.shape[1])]
        found = loaded_once(folders[kind], mode="raw").image.features(pixels)
        torch.testing.assert_close(found, grid(torch.stack(alone, dim=1), pixels), atol=1e-5, rtol=1e-4)


class TestClassEmbedding:
    @pytest.mark.parametrize("mode", ["raw", "surgery"])
    @pytest.mark.parametrize("kind", ["clip", "clip-gelu"])
    @torch.inference_mode()
    def test_is_the_checkpoints_own_image_embedding(self, folders: dict[str, Path], kind: str, mode: str) -> None:
        pixels, tower = noise(SHAPES[1]), loaded_once(folders[kind], mode=mode).image
        expected = torch.nn.functional.normalize(global_embedding(tower, kind, pixels), dim=1)
        torch.testing.assert_close(tower.class_embedding(pixels), expected, atol=1e-5, rtol=1e-4)

    @torch.inference_mode()
    def test_of_a_long_image_is_the_mean_over_its_windows(self, folders: dict[str, Path]) -> None:
        pixels, tower = noise((PATCH, 6 * PATCH)), loaded_once(folders["clip"]).image
        parts = [pixels[..., start * PATCH : (start + 4) * PATCH] for start in (0, 2)]  # 4 is the native side
        each = [torch.nn.functional.normalize(global_embedding(tower, "clip", part), dim=1) for part in parts]
        expected = torch.nn.functional.normalize(each[0] + each[1], dim=1)
        torch.testing.assert_close(tower.class_embedding(pixels), expected, atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize(("kind", "projected"), [("clip", False), ("siglip", True), ("dinov2", True)])
    def test_others_have_none_for_words(self, folders: dict[str, Path], kind: str, projected: bool) -> None:
        tower = loaded_once(folders[kind], projected=projected).image
        with pytest.raises(ValueError, match="no class token in the space of words"):
            tower.class_embedding(noise(SHAPES[0]))


class TestGlobalEmbedding:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("kind", ZERO_SHOT)
    @torch.inference_mode()
    def test_is_transformers_own_bit_by_bit_in_every_mode(
        self, folders: dict[str, Path], networks: dict[str, Any], kind: str, mode: str
    ) -> None:
        pixels, network = noise(SHAPES[0]), networks[kind]
        options = naflex(pixels) if kind == "siglip2-naflex" else {"pixel_values": pixels}
        tower = loaded_once(folders[kind], mode=mode).image
        tower.features(noise(SHAPES[1]))  # leaves nothing behind
        expected = network.get_image_features(**options).pooler_output
        assert torch.equal(global_embedding(tower, kind, pixels), expected)

    @torch.inference_mode()
    def test_logits_are_clips_own(self, folders: dict[str, Path], networks: dict[str, Any]) -> None:
        loaded, network, pixels = loaded_once(folders["clip"]), networks["clip"], noise(SHAPES[0])
        assert loaded.text is not None
        ids = torch.tensor(loaded.text.tokens(["cat", "a dog"])[0])
        images, texts = global_embedding(loaded.image, "clip", pixels), network.get_text_features(ids).pooler_output
        images, texts = images / images.norm(dim=1, keepdim=True), texts / texts.norm(dim=1, keepdim=True)
        expected = network(input_ids=ids, pixel_values=pixels).logits_per_image
        torch.testing.assert_close(loaded.logit_scale * images @ texts.T, expected, atol=1e-4, rtol=1e-5)


class TestModes:
    @pytest.mark.parametrize("kind", KINDS)
    @torch.inference_mode()
    def test_each_is_another_reading_of_the_same_photo(self, folders: dict[str, Path], kind: str) -> None:
        pixels, seen = noise(SHAPES[1]), []
        for mode in MODES:
            features = loaded_once(folders[kind], mode=mode).image.features(pixels)
            assert features.isfinite().all()
            assert all(not torch.allclose(features, other) for other in seen), mode
            seen.append(features)

    @torch.inference_mode()
    def test_maskclip_is_the_last_value_projection(self, folders: dict[str, Path], networks: dict[str, Any]) -> None:
        pixels, vision = noise(SHAPES[1]), networks["clip"].vision_model
        hidden = vision(pixels, interpolate_pos_encoding=True, output_hidden_states=True).hidden_states[-2][:, 1:]
        last = vision.encoder.layers[-1]
        after = hidden + last.self_attn.out_proj(last.self_attn.v_proj(last.layer_norm1(hidden)))
        after = after + last.mlp(last.layer_norm2(after))
        expected = networks["clip"].visual_projection(vision.post_layernorm(after))
        found = loaded_once(folders["clip"], mode="maskclip").image.features(pixels)
        torch.testing.assert_close(found, grid(expected, pixels), atol=1e-5, rtol=1e-4)


class TestClassAttention:
    @pytest.mark.parametrize("kind", ["clip", "dinov2", "dino"])
    @torch.inference_mode()
    def test_is_the_last_blocks_own(self, folders: dict[str, Path], kind: str) -> None:
        pixels = noise(SHAPES[0])
        network = NETWORKS[kind].from_pretrained(folders[kind], attn_implementation="eager").eval()
        vision = network.vision_model if kind == "clip" else network
        options = {} if kind == "dinov2" else {"interpolate_pos_encoding": True}
        attention = vision(pixel_values=pixels, output_attentions=True, **options).attentions[-1]
        expected = attention.mean(dim=1)[:, 0, 1:, None]
        found = loaded_once(folders[kind]).image.class_attention(pixels)
        torch.testing.assert_close(found, grid(expected, pixels), atol=1e-6, rtol=1e-4)

    def test_a_siglip_has_none(self, folders: dict[str, Path]) -> None:
        with pytest.raises(ValueError, match="no class token"):
            loaded_once(folders["siglip"]).image.class_attention(noise(SHAPES[0]))


class TestShapes:
    @torch.inference_mode()
    def test_a_side_is_continued_to_whole_patches(self, folders: dict[str, Path]) -> None:
        tower: VisionTower = loaded_once(folders["clip"]).image
        pixels = noise((SIDE - 3, SIDE + 2))
        below = torch.cat([pixels, *[pixels[:, :, -1:]] * 3], dim=2)
        whole = torch.cat([below, *[below[..., -1:]] * (PATCH - 2)], dim=3)
        assert torch.equal(pad_to_patches(pixels, PATCH), whole)
        assert torch.equal(tower.features(pixels), tower.features(whole))

    @torch.inference_mode()
    def test_a_long_image_is_seen_through_windows(self, folders: dict[str, Path]) -> None:
        """Rows 0 to 3 of patches, 12 columns; windows of 8 columns begin at 0 and 4: each half overlaps the other."""
        tower = loaded_once(folders["clip"], mode="raw").image
        pixels = noise((4 * PATCH, 12 * PATCH))
        left, right = tower._window_features(pixels[..., : 8 * PATCH]), tower._window_features(pixels[..., 4 * PATCH :])
        middle = (left[..., 4:] + right[..., :4]) / 2
        expected = torch.cat([left[..., :4], middle, right[..., 4:]], dim=3)
        torch.testing.assert_close(tower.features(pixels), expected)

    @torch.inference_mode()
    def test_what_one_window_holds_is_seen_whole(self, folders: dict[str, Path]) -> None:
        tower, pixels = loaded_once(folders["clip"]).image, noise((4 * PATCH, 8 * PATCH))
        assert torch.equal(tower.features(pixels), tower._window_features(pixels))
