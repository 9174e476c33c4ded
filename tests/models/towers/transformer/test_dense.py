"""Dense modes against attention matrices written out row by row, and against transformers' own tokens."""

from __future__ import annotations

import copy
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, SiglipVisionConfig, SiglipVisionModel

from freeseg.errors import FreeSegError
from freeseg.models.towers.transformer.dense import MODES, Block, dense_tokens, first_block, neighbourhood
from freeseg.models.towers.transformer.kinds import DENSE_MODES

WIDTH, HEADS, LAYERS, PATCH = 12, 3, 8, 4
GRID = (2, 3)
SIZES = {
    "hidden_size": WIDTH,
    "intermediate_size": 20,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "patch_size": PATCH,
    "image_size": 3 * PATCH,
}


class Tiny(NamedTuple):
    """A tiny model of transformers, two images in it, and the tokens that enter and leave each block."""

    layers: nn.ModuleList
    states: tuple[torch.Tensor, ...]
    last: torch.Tensor  # last_hidden_state
    norm: nn.Module  # what the model does to its tokens before that
    class_token: bool
    activation: str


def spread(model, seed=0):
    """Weights large enough to tell one attention from another; those of a fresh model are not."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        parameter.data.normal_(std=0.4, generator=generator)
        if "norm" in name and name.endswith("weight"):
            parameter.data += 1
    return model.eval()


@pytest.fixture(scope="module", params=["clip", "siglip"])
def tiny(request):
    clip = request.param == "clip"
    model = CLIPVisionModel(CLIPVisionConfig(**SIZES)) if clip else SiglipVisionModel(SiglipVisionConfig(**SIZES))
    pixels = torch.randn(2, 3, GRID[0] * PATCH, GRID[1] * PATCH, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        out = spread(model)(pixels, interpolate_pos_encoding=True, output_hidden_states=True)
    norm = nn.Identity() if clip else model.post_layernorm
    return Tiny(
        model.encoder.layers, out.hidden_states, out.last_hidden_state, norm, clip, "quick_gelu" if clip else "tanh"
    )


def block_of(layer):
    attention = layer.self_attn
    layers = (layer.layer_norm1, attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj)
    return Block(*layers, layer.layer_norm2, layer.mlp, HEADS, attention.scale)


def read(mode, tiny, tokens=None, grid=GRID):
    start = first_block(mode, LAYERS)
    blocks = [block_of(layer) for layer in tiny.layers[start:]]
    with torch.inference_mode():
        return dense_tokens(
            mode, tiny.states[start] if tokens is None else tokens, blocks, grid=grid, has_class_token=tiny.class_token
        )


# The formulas, literally: numpy, double precision, one image, one head and one row of the attention at a time.


def array(tensor):
    return tensor.detach().double().numpy()


def linear(layer, x):
    return x @ array(layer.weight).T + array(layer.bias)


def normed(layer, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + layer.eps) * array(layer.weight) + array(layer.bias)


def fed_forward(layer, x, activation):
    inside = linear(layer.fc1, x)
    if activation == "quick_gelu":
        inside = inside / (1 + np.exp(-1.702 * inside))
    else:
        inside = 0.5 * inside * (1 + np.tanh(math.sqrt(2 / math.pi) * (inside + 0.044715 * inside**3)))
    return linear(layer.fc2, inside)


def matrix(a, b, bonus=0.0):
    """softmax(a b^T / sqrt(d) + bonus), entry by entry."""
    rows = []
    for i in range(len(a)):
        logits = np.array([float(a[i] @ b[j]) / math.sqrt(a.shape[1]) for j in range(len(b))])
        weights = np.exp(logits + (bonus if np.isscalar(bonus) else bonus[i]))
        rows.append(weights / weights.sum())
    return np.array(rows)


def gaussian(grid, class_token, std=5.0):
    places = [None] * class_token + [(y, x) for y in range(grid[0]) for x in range(grid[1])]
    bonus = np.zeros((len(places), len(places)))
    for i, here in enumerate(places):
        for j, there in enumerate(places):
            if here is not None and there is not None:
                bonus[i, j] = math.exp(-((here[0] - there[0]) ** 2 + (here[1] - there[1]) ** 2) / (2 * std**2))
    return bonus


ATTENTIONS = {
    "raw": lambda q, k, v, bonus: matrix(q, k),
    "maskclip": lambda q, k, v, bonus: np.eye(len(v)),
    "surgery": lambda q, k, v, bonus: matrix(v, v),
    "sclip": lambda q, k, v, bonus: matrix(q, q) + matrix(k, k),
    "clearclip": lambda q, k, v, bonus: matrix(q, q),
    "naclip": lambda q, k, v, bonus: matrix(k, k, bonus),
}
WHOLE = ("raw", "maskclip", "sclip")  # residual and feed-forward stay


def attended(mode, layer, x, bonus):
    """out(A v) of one image's tokens (T, D)."""
    attention, inside = layer.self_attn, normed(layer.layer_norm1, x)
    q, k, v = (linear(part, inside) for part in (attention.q_proj, attention.k_proj, attention.v_proj))
    size, heads = WIDTH // HEADS, []
    for head in range(HEADS):
        own = slice(head * size, (head + 1) * size)
        heads.append(ATTENTIONS[mode](q[:, own], k[:, own], v[:, own], bonus) @ v[:, own])
    return linear(attention.out_proj, np.concatenate(heads, axis=1))


def literal(mode, layers, x, grid, class_token, activation):
    """The dense tokens of one image."""
    bonus, second = gaussian(grid, class_token), x
    for layer in layers:
        mixed = attended(mode, layer, x, bonus)
        if mode in WHOLE:
            second = x + mixed
            second = second + fed_forward(layer.mlp, normed(layer.layer_norm2, second), activation)
        else:
            second = second + mixed if mode == "surgery" else mixed
        x = x + attended("raw", layer, x, bonus)
        x = x + fed_forward(layer.mlp, normed(layer.layer_norm2, x), activation)
    return second[class_token:]


def test_every_mode_has_a_name() -> None:
    assert tuple(MODES) == DENSE_MODES


class TestDenseTokens:
    @pytest.mark.parametrize("mode", MODES)
    def test_equals_its_formula(self, tiny, mode):
        start = first_block(mode, LAYERS)
        found = read(mode, tiny)
        assert found.shape == (2, GRID[0] * GRID[1], WIDTH)
        for image, tokens in zip(found, tiny.states[start], strict=True):
            wanted = literal(mode, tiny.layers[start:], array(tokens), GRID, tiny.class_token, tiny.activation)
            np.testing.assert_allclose(array(image), wanted, rtol=1e-4, atol=1e-4)

    def test_raw_is_transformers_own_bit_by_bit(self, tiny):
        with torch.inference_mode():
            assert torch.equal(tiny.norm(read("raw", tiny)), tiny.last[:, int(tiny.class_token) :])

    def test_modes_differ(self, tiny):
        found = [read(mode, tiny) for mode in MODES]
        for i, one in enumerate(found):
            assert all((one - other).abs().mean() > 0.01 for other in found[:i])

    @pytest.mark.parametrize("mode", MODES)
    def test_the_ordinary_tokens_are_left_alone(self, tiny, mode):
        """The class token goes on from them."""
        tokens = tiny.states[first_block(mode, LAYERS)].clone()
        before = tokens.clone()
        read(mode, tiny, tokens)
        assert torch.equal(tokens, before)

    @pytest.mark.parametrize("mode", MODES)
    def test_an_image_does_not_depend_on_its_batch(self, tiny, mode):
        tokens = tiny.states[first_block(mode, LAYERS)]
        alone = torch.cat([read(mode, tiny, each[None]) for each in tokens])
        torch.testing.assert_close(read(mode, tiny, tokens), alone, atol=1e-5, rtol=1e-5)

    @settings(max_examples=10, deadline=None)
    @given(order=st.permutations(range(6)))
    @pytest.mark.parametrize("mode", [mode for mode in MODES if not MODES[mode].neighbours])
    def test_without_neighbours_the_order_of_patches_means_nothing(self, tiny, mode, order):
        tokens = tiny.states[first_block(mode, LAYERS)]
        first = int(tiny.class_token)
        shuffled = torch.cat([tokens[:, :first], tokens[:, first:][:, order]], dim=1)
        torch.testing.assert_close(read(mode, tiny, shuffled), read(mode, tiny, tokens)[:, order], atol=1e-4, rtol=1e-4)

    def test_with_neighbours_the_grid_matters(self, tiny):
        assert not torch.allclose(read("naclip", tiny, grid=(2, 3)), read("naclip", tiny, grid=(1, 6)))

    @pytest.mark.parametrize("mode", MODES)
    def test_bfloat16_stays_near_single_precision(self, tiny, mode):
        start = first_block(mode, LAYERS)
        blocks = [block_of(copy.deepcopy(layer).bfloat16()) for layer in tiny.layers[start:]]
        with torch.inference_mode():
            found = dense_tokens(
                mode, tiny.states[start].bfloat16(), blocks, grid=GRID, has_class_token=tiny.class_token
            )
        assert found.dtype == torch.bfloat16
        wanted = read(mode, tiny)
        assert (found.float() - wanted).norm() < 0.05 * wanted.norm()

    def test_attention_is_as_sharp_as_the_block_says(self, tiny):
        """Without any scale all likenesses are 0, and every patch gets the mean of all values."""
        block = block_of(tiny.layers[-1])._replace(scale=0.0)
        with torch.inference_mode():
            found = dense_tokens("clearclip", tiny.states[-2], [block], grid=GRID, has_class_token=tiny.class_token)
            wanted = block.out(block.v(block.norm1(tiny.states[-2])).mean(dim=1, keepdim=True))
        torch.testing.assert_close(found, wanted.expand_as(found), atol=1e-4, rtol=1e-4)

    def test_a_mode_that_is_not_there_is_refused_with_those_that_are(self, tiny):
        with pytest.raises(FreeSegError, match="no dense mode 'sharp'; use one of: raw, maskclip, surgery"):
            dense_tokens("sharp", tiny.last, [], grid=GRID, has_class_token=tiny.class_token)

    @pytest.mark.parametrize("count", [0, 2])
    def test_blocks_that_the_mode_does_not_read_are_refused(self, tiny, count):
        with pytest.raises(ValueError, match=f"last 1 blocks, not {count}"):
            dense_tokens(
                "sclip", tiny.last, [block_of(tiny.layers[0])] * count, grid=GRID, has_class_token=tiny.class_token
            )

    def test_tokens_that_do_not_fill_the_grid_are_refused(self, tiny):
        with pytest.raises(ValueError, match=r"do not fill a grid of \(3, 3\)"):
            read("raw", tiny, grid=(3, 3))


class TestFirstBlock:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("blocks", [1, 4, 6, 24])
    def test_is_as_many_before_the_end_as_the_mode_reads(self, mode, blocks):
        assert first_block(mode, blocks) == max(0, blocks - (6 if mode == "surgery" else 1))


class TestNeighbourhood:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 1), st.floats(0.3, 20))
    def test_equals_a_loop_over_pairs_of_patches(self, height, width, special, std):
        found = neighbourhood((height, width), special=special, like=torch.zeros((), dtype=torch.float64), std=std)
        np.testing.assert_allclose(found.numpy(), gaussian((height, width), special, std), atol=1e-12)

    def test_takes_the_dtype_of_the_tokens(self):
        assert neighbourhood((2, 2), special=1, like=torch.zeros((), dtype=torch.float16)).dtype == torch.float16
