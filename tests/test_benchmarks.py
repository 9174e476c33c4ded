"""The instruments that docs/performance.md is measured with. Nothing is timed here."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])  # they are no part of the package


def test_what_is_compared_runs_in_turns():
    from benchmarks.timing import in_turns

    calls = []
    seconds = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 4
    assert set(seconds) == {"a", "b"}


def test_the_first_turn_does_not_count():
    from benchmarks.timing import in_turns

    lengths = iter([0.2, 0, 0])
    assert in_turns({"work": lambda: time.sleep(next(lengths))}, 2)["work"] < 0.1


def test_a_stage_within_a_stage_counts_once(monkeypatch):
    from benchmarks import stages

    now = [0.0]
    monkeypatch.setattr(stages.time, "perf_counter", lambda: now[0])

    def spend(seconds):
        now[0] += seconds

    watch = stages.Stopwatch()
    inner = watch.timed("inner", lambda: spend(2))

    def work():
        spend(1)
        inner()
        spend(4)
        inner()
        return "result"

    assert watch.timed("outer", work)() == "result"
    assert watch.seconds == {"outer": 5, "inner": 4}


def test_the_stages_are_functions_of_the_library():
    from benchmarks.stages import STAGES

    assert all(callable(getattr(owner, name)) for functions in STAGES.values() for owner, name in functions)


def test_every_stage_of_a_photo_is_seen(tiny, photo_folder, tmp_path):
    from benchmarks import stages

    seconds = stages._one_photo(tiny, photo_folder / "cat.jpg", tmp_path)
    assert set(seconds) == {*stages.STAGES, stages.REST}
    assert min(seconds.values()) > 0
    assert not hasattr(stages.pipeline.read_photo, "__wrapped__")  # the library is left as it was


def test_operations_are_counted_in_products_convolutions_and_attention():
    from benchmarks.machine import flops, matrix_product

    product, operations = matrix_product()
    assert flops(product) == operations
    image, kernels = torch.zeros(1, 4, 10, 12), torch.zeros(8, 2, 3, 3)  # two groups
    assert flops(lambda: torch.conv2d(image, kernels, padding=1, groups=2)) == 2 * 8 * 10 * 12 * 2 * 9
    tokens = torch.zeros(1, 3, 7, 5)
    attention = torch.nn.functional.scaled_dot_product_attention
    assert flops(lambda: attention(tokens, tokens, tokens)) == 2 * (2 * 3 * 7 * 7 * 5)


def test_labels_are_as_many_as_asked_and_all_different():
    from benchmarks.photos import words

    assert len(set(words(1000))) == 1000


@torch.inference_mode()
def test_clip_surgery_is_the_papers_formula():
    """The raw path is transformers' own; the second one written out, token by token, head by head."""
    from benchmarks.clip_surgery import ClipSurgery

    torch.manual_seed(0)
    sizes = {"hidden_size": 12, "intermediate_size": 24, "projection_dim": 8, "patch_size": 16, "image_size": 32}
    small = CLIPVisionConfig(**sizes, num_hidden_layers=4, num_attention_heads=2)
    clip = CLIPVisionModelWithProjection(small).eval()
    for parameter in clip.parameters():
        parameter.normal_(std=0.5)  # CLIP's own start is too small to tell one attention from another
    pixels = torch.randn(1, 3, 48, 64)
    states = clip.vision_model(pixels, interpolate_pos_encoding=True, output_hidden_states=True).hidden_states
    second = states[2][0].double()
    for layer, state in zip(clip.vision_model.encoder.layers[2:], states[2:], strict=False):
        attention = layer.self_attn
        value = attention.v_proj(layer.layer_norm1(state[0])).double()
        heads = []
        for head in value.split(6, dim=1):
            likeness = torch.exp(head @ head.T / 6**0.5)
            heads.append(likeness / likeness.sum(dim=1, keepdim=True) @ head)
        second += attention.out_proj(torch.cat(heads, dim=1).float())
    patches = clip.visual_projection(clip.vision_model.post_layernorm(second[1:].float()))
    found = ClipSurgery(clip, 2)(pixels)
    assert found.shape == (1, 8, 3, 4)
    torch.testing.assert_close(found[0].flatten(1).T, patches, atol=1e-4, rtol=1e-4)
