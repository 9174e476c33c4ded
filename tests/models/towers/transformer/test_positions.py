"""Interpolated position embeddings against the bicubic formula, and against transformers' own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from freeseg.models.towers.transformer.positions import interpolate

SIDE, WIDTH, PATCH = 4, 6, 2
SIZES = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "patch_size": PATCH,
    "image_size": SIDE * PATCH,
}
GRIDS = [(4, 4), (7, 5), (2, 8), (8, 2), (3, 3), (1, 9)]  # the trained one; 2 x 8 has as many patches as it


def table(seed, rows, dtype=torch.float32):
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed)).to(dtype)


def cubic(distance):
    """Keys' kernel with a = -0.75, torch's and transformers'."""
    d, a = abs(distance), -0.75
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def sample(line, at):
    """Cubic interpolation of a list at a place; beyond the ends, the ends themselves."""
    left = int(at // 1)
    return sum(cubic(at - i) * line[min(max(i, 0), len(line) - 1)] for i in range(left - 1, left + 3))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(1, 5), st.tuples(st.integers(1, 7), st.integers(1, 7)), st.booleans())
def test_equals_the_bicubic_formula(seed, side, grid, class_token):
    positions = table(seed, class_token + side * side, torch.float64)
    found = interpolate(positions, grid, class_token=class_token)
    assert found.shape == (class_token + grid[0] * grid[1], WIDTH)
    assert torch.equal(found[:class_token], positions[:class_token])
    square = positions[class_token:].reshape(side, side, WIDTH)
    for y in range(grid[0]):
        for x in range(grid[1]):
            v, u = ((i + 0.5) * side / length - 0.5 for i, length in ((y, grid[0]), (x, grid[1])))
            wanted = sample([sample(list(row), u) for row in square], v)
            torch.testing.assert_close(found[class_token + y * grid[1] + x], wanted, atol=1e-9, rtol=0)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("kind", ["clip", "siglip", "dinov2"])
@torch.inference_mode()
def test_equals_transformers_bit_by_bit(kind, grid):
    model = {
        "clip": lambda: CLIPVisionModel(CLIPVisionConfig(**SIZES)),
        "siglip": lambda: SiglipVisionModel(SiglipVisionConfig(**SIZES)),
        "dinov2": lambda: Dinov2Model(Dinov2Config(**SIZES)),
    }[kind]()
    embeddings, class_token = model.embeddings, kind != "siglip"
    own = embeddings.position_embeddings[0] if kind == "dinov2" else embeddings.position_embedding.weight
    tokens = torch.zeros(1, class_token + grid[0] * grid[1], WIDTH)
    wanted = embeddings.interpolate_pos_encoding(tokens, grid[0] * PATCH, grid[1] * PATCH)
    assert torch.equal(interpolate(own, grid, class_token=class_token), wanted[0])


def test_the_trained_grid_gives_the_table_itself():
    positions = table(0, 17)
    assert interpolate(positions, (4, 4), class_token=True) is positions


def test_no_state_is_left_behind():
    positions = table(1, 17)
    before = positions.clone()
    first = interpolate(positions, (5, 3), class_token=True)
    interpolate(positions, (9, 2), class_token=True)
    assert torch.equal(positions, before)
    assert torch.equal(interpolate(positions, (5, 3), class_token=True), first)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype):
    positions = table(2, 17, dtype)
    found = interpolate(positions, (6, 5), class_token=True)
    assert torch.equal(found, interpolate(positions.float(), (6, 5), class_token=True).to(dtype))


def test_gradients_reach_the_table():
    positions = table(3, 17).requires_grad_()
    interpolate(positions, (3, 6), class_token=True).sum().backward()
    assert positions.grad.abs().min() > 0


@pytest.mark.parametrize(
    ("rows", "grid", "class_token", "message"),
    [
        (16, (2, 2), True, "do not make a square grid"),
        (17, (2, 2), False, "do not make a square grid"),
        (16, (0, 2), False, "no patches"),
    ],
)
def test_what_cannot_be_a_grid_is_refused(rows, grid, class_token, message):
    with pytest.raises(ValueError, match=message):
        interpolate(table(0, rows), grid, class_token=class_token)
