"""The instrument that docs/benchmarks/models-speed.md is measured with, on a tiny model. Nothing is timed here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

SIZES = {
    "hidden_size": 12,
    "intermediate_size": 20,
    "num_hidden_layers": 7,
    "num_attention_heads": 2,
    "projection_dim": 8,
    "patch_size": 4,
    "image_size": 8,
}


@pytest.fixture
def family(monkeypatch):
    """The benchmark, with one tiny model, clocks that stand still and no processes of its own."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # it is no part of the package
    from benchmarks import clip_family

    torch.manual_seed(0)
    monkeypatch.setattr(clip_family, "MODELS", {clip_family.COMPARED: lambda: tiny()})
    monkeypatch.setattr(clip_family, "in_turns", lambda works, repeats: dict.fromkeys(works, 1.0))
    monkeypatch.setattr(clip_family, "peak", lambda model, mode, side: clip_family.Peak(10, 100, 1))
    return clip_family


def tiny():
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**SIZES)).eval().requires_grad_(False)


@pytest.mark.parametrize(("side", "pixels"), [(16, 16), (18, 16), (15, 16), (1, 4)])
def test_pictures_are_whole_patches(family, side, pixels):
    assert family.picture(tiny(), side).shape == (1, 3, pixels, pixels)


@torch.inference_mode()
def test_plain_is_transformers_own_and_modes_are_dense(family):
    network, pixels = tiny(), torch.randn(1, 3, 12, 8)
    plain = family.embedder(network, family.PLAIN)(pixels)
    assert torch.equal(plain.image_embeds, network(pixels, interpolate_pos_encoding=True).image_embeds)
    assert family.embedder(network, family.SURGERY)(pixels).shape == (1, 8, 3, 2)


@pytest.mark.parametrize(
    ("seconds", "megabytes", "verdict"), [(1.2, 11, "kept"), (1.4, 11, "**missed**"), (1.2, 13, "**missed**")]
)
def test_both_bounds_are_told_of(family, monkeypatch, seconds, megabytes, verdict):
    monkeypatch.setattr(family, "in_turns", lambda works, repeats: {family.PLAIN: 1.0, family.SURGERY: seconds})
    peaks = {family.PLAIN: family.Peak(10, 100, 1), family.SURGERY: family.Peak(megabytes, 100, 1)}
    monkeypatch.setattr(family, "peak", lambda model, mode, side: peaks[mode])
    assert family.against_plain(family.Scale(16, 1, ()))[-1].endswith(f": {verdict}.")


def test_the_page_has_every_mode_per_megapixel(family):
    lines = family.page(family.Scale(20, 1, (family.COMPARED,))).splitlines()
    for mode in (family.PLAIN, *family.MODES):
        row = next(line for line in reversed(lines) if line.startswith(f"| {mode} |"))
        assert "| 2,500,000 |" in row  # a second for 20 x 20 pixels, in ms a megapixel
        assert "| 25,000 MB |" in row
