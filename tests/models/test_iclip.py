"""ICLIP: two frozen towers, two heads, one space."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from freeseg.models.iclip import ImageHead
from freeseg.pipeline import FreeSeg
from tiny import embed_text, iclip_of, tiny_iclip


class TestImageHead:
    def literal(self, head: ImageHead, features: torch.Tensor) -> torch.Tensor:
        """Standardise, then linear, and where there is a second layer GELU and linear; nothing folded."""
        standard = (features.double() - head.mean.double()) / head.std.double()
        hidden = standard @ head.first.weight.double().T + head.first.bias.double()
        if head.second is None:
            return hidden
        hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
        return hidden @ head.second.weight.double().T + head.second.bias.double()

    @pytest.mark.parametrize("hidden", [0, 11])
    @pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 3, 4, 6)])
    def test_equals_the_literal_formula(self, hidden: int, shape: tuple[int, ...]) -> None:
        generator = torch.Generator().manual_seed(0)
        torch.manual_seed(0)
        head = ImageHead(6, 4, hidden=hidden)
        head.mean.copy_(3 * torch.rand(6, generator=generator))
        head.std.copy_(0.1 + 2 * torch.rand(6, generator=generator))
        features = 5 * torch.rand(shape, generator=generator)
        with torch.no_grad():
            found = head(features)
        assert found.shape == (*shape[:-1], 4)
        expected = self.literal(head, features)
        torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)
        if features.ndim == 4:  # channels second, as maps have them
            with torch.no_grad():
                maps = head.maps(features.movedim(-1, 1))
            torch.testing.assert_close(maps.movedim(1, -1).double(), expected, atol=1e-4, rtol=1e-4)

    @pytest.mark.parametrize("hidden", [0, 11])
    def test_half_precision_features_stay_half(self, hidden: int) -> None:
        head, features = ImageHead(6, 4, hidden=hidden), torch.rand(5, 6)
        found = head(features.bfloat16())
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found.float(), head(features), atol=0.05, rtol=0.05)

    def test_standardisation_is_no_parameter(self) -> None:
        assert {name for name, _ in ImageHead(6, 4).named_parameters()} == {"first.weight", "first.bias"}
        assert {"mean", "std"} <= set(ImageHead(6, 4).state_dict())


class TestEmbedImage:
    @pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 33), (5, 200), (64, 48)])
    def test_any_size_gives_a_patch_for_every_16_pixels_begun(self, size: tuple[int, int]) -> None:
        pixels = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8)
        grid = tuple(math.ceil(side / 16) for side in size)
        model = tiny_iclip(hidden=5)
        assert model.stride == 16
        assert model.embed_image(pixels).shape == (2, 16, *grid)
        assert model.attention(model.features(pixels)).shape == (2, 1, *grid)

    @pytest.mark.parametrize("size", [(1, 1), (65, 96)])
    def test_the_teacher_too(self, teacher: FreeSeg, size: tuple[int, int]) -> None:
        pixels = torch.zeros(1, 3, *size, dtype=torch.uint8)
        grid = tuple(math.ceil(side / 16) for side in size)
        assert iclip_of(teacher).embed_image(pixels).shape == (1, 384, *grid)

    def test_bytes_and_floats_are_the_same_pixels(self) -> None:
        pixels, model = torch.randint(0, 256, (1, 3, 32, 48), dtype=torch.uint8), tiny_iclip()
        assert torch.equal(model.embed_image(pixels), model.embed_image(pixels.float()))

    def test_pixels_are_normalised_by_the_towers_own_numbers(self) -> None:
        pixels, model = torch.randint(0, 256, (1, 3, 32, 48), dtype=torch.uint8), tiny_iclip()
        expected = model.image_tower.features((pixels.float() - 127) / 128)
        torch.testing.assert_close(model.features(pixels), expected)

    def test_images_of_a_batch_do_not_see_each_other(self) -> None:
        pixels, model = torch.randint(0, 256, (3, 3, 32, 48), dtype=torch.uint8), tiny_iclip()
        together = model.embed_image(pixels)
        torch.testing.assert_close(together[1:2], model.embed_image(pixels[1:2]), atol=1e-5, rtol=1e-4)


class TestEmbedText:
    def test_unit_vectors_one_per_text(self) -> None:
        torch.manual_seed(1)
        model = tiny_iclip()
        torch.nn.init.normal_(model.text_head.weight)
        rows = embed_text(model, ["cat", "a dog on a lawn", "猫"])
        assert rows.shape == (3, 16)
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(3))
        raw = model.text_tower(["cat"])[0] @ model.text_head.weight.T
        torch.testing.assert_close(rows[0], raw / raw.norm())

    def test_an_untrained_text_head_changes_nothing(self) -> None:
        """The text space is good already."""
        model = tiny_iclip()
        torch.testing.assert_close(embed_text(model, ["cat"]), model.text_tower(["cat"]))

    def test_the_embedded_model_knows_what_words_mean(self, with_torch: FreeSeg) -> None:
        cat, kitten, train = embed_text(iclip_of(with_torch), ["cat", "kitten", "train"])
        assert cat.norm().item() == pytest.approx(1, abs=1e-5)
        assert cat @ kitten > cat @ train


class TestFrozen:
    def test_the_loaded_model_has_nothing_to_train(self, with_torch: FreeSeg) -> None:
        assert not any(parameter.requires_grad for parameter in iclip_of(with_torch).parameters())
        assert not any(module.training for module in iclip_of(with_torch).modules())

    def test_heads_are_what_a_checkpoint_holds(self) -> None:
        names = set(tiny_iclip(hidden=5).trained_tensors())
        assert names == {
            *("image_head.mean", "image_head.std", "image_head.first.weight", "image_head.first.bias"),
            *("image_head.second.weight", "image_head.second.bias", "text_head.weight"),
        }

    def test_segmenting_changes_no_weight(self, tiny: FreeSeg) -> None:
        before = {name: tensor.clone() for name, tensor in iclip_of(tiny).state_dict().items()}
        tiny.segment(np.zeros((20, 30, 3), np.uint8), ["cat"])
        assert all(torch.equal(tensor, before[name]) for name, tensor in iclip_of(tiny).state_dict().items())
