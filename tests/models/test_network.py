"""The segmentation network: its size, its start, and that it comes back from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import freeseg
from freeseg.models import TEACHER, checkpoint
from freeseg.models.config import WEIGHTS
from freeseg.models.network import STRIDE, Decoder
from freeseg.models.towers import network_family
from freeseg.models.towers.efficientnet_lite import load_efficientnet_lite
from freeseg.photos.references import PhotoReference
from freeseg.pipeline import FreeSeg
from freeseg.training.features import GRID
from freeseg.training.network.initial_decoder import fit_decoder
from networks import draw_free_masks, tiny_network
from tiny import embed_text, iclip_of

MOST_PARAMETERS, MOST_BYTES = 8_000_000, 12_000_000


def test_what_ships_is_small(with_torch: FreeSeg) -> None:
    tensors = iclip_of(with_torch).trained_tensors()
    assert sum(tensor.numel() for tensor in tensors.values()) < MOST_PARAMETERS
    assert (freeseg.models.embedded_folder(with_torch.config.name) / WEIGHTS).stat().st_size < MOST_BYTES


def test_it_speaks_its_teachers_words(with_torch: FreeSeg, teacher: FreeSeg) -> None:
    words = ["cat", "a red kite", "猫"]
    with torch.inference_mode():
        torch.testing.assert_close(embed_text(iclip_of(with_torch), words), embed_text(iclip_of(teacher), words))


def test_the_teacher_is_not_the_default() -> None:
    assert freeseg.load().config.name == "freeseg-lite" != TEACHER


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (31, 66), (97, 40)])
def test_a_patch_for_every_eight_pixels_begun(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        found = tiny_network().embed_image(torch.zeros(2, 3, *size, dtype=torch.uint8))
    assert found.shape == (2, 16, *(-(-side // STRIDE) for side in size))


def test_a_decoder_needs_a_map() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Decoder([], 4)([])


def test_it_comes_back_from_disk(with_torch: FreeSeg, tmp_path: Path) -> None:
    checkpoint.save(iclip_of(with_torch), with_torch.config, tmp_path)
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    found = freeseg.load(tmp_path).similarity(photo, ["cat", "dog"])
    assert np.array_equal(found, with_torch.similarity(photo, ["cat", "dog"]))


def test_without_weights_it_is_refused(with_torch: FreeSeg, tmp_path: Path) -> None:
    checkpoint.save(iclip_of(with_torch), with_torch.config, tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(freeseg.errors.WeightsError, match="missing"):
        freeseg.load(tmp_path)


def test_training_starts_from_published_weights_and_the_teachers_text_side(teacher: FreeSeg) -> None:
    started = network_family("segmentation-lite2").start_network("segmentation-lite2", iclip_of(teacher))
    published = load_efficientnet_lite("efficientnet-lite2").state_dict()
    for name, tensor in started.segmentation_tower.encoder.state_dict().items():
        assert torch.equal(tensor, published[name]), name
    assert torch.equal(started.text_head.weight, iclip_of(teacher).text_head.weight)


def test_the_start_is_the_best_linear_guess(tmp_path: Path) -> None:
    """Targets that are a linear map of the coarsest features are met; random decoders do not meet them."""
    _, photos = draw_free_masks(tmp_path)
    network = tiny_network()
    before = network.image_head.first.weight.clone()
    targets = [torch.randn(1, network.dim).expand(GRID * GRID, -1) for _ in photos]
    fit_decoder(network, [*map(PhotoReference.of_file, photos)], [targets[0] for _ in photos])
    assert not torch.equal(network.image_head.first.weight, before)
    pixels = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        found = torch.nn.functional.normalize(network.embed_image(pixels), dim=1)
    wanted = torch.nn.functional.normalize(targets[0][:1], dim=1)[:, :, None, None]
    assert (found * wanted).sum(dim=1).min() > 0.95  # a constant target: the bias alone can meet it
