"""The instruments that docs/benchmarks/performance.md is measured with. Nothing is timed here."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # they are no part of the package


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
    monkeypatch.setattr(stages.time, "process_time", lambda: now[0])

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
    large_only = {"write: decode in full what is drawn on"}
    assert set(seconds) == {*stages.STAGES, stages.REST} - large_only
    assert min(seconds.values()) >= 0
    assert seconds[stages.TOWER] > 0
    assert not hasattr(stages.prepared.read_resized, "__wrapped__")  # the library is left as it was


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


def test_words_are_embedded_by_a_model_that_has_not_met_them(monkeypatch, tiny):
    from benchmarks import texts

    loaded = []

    def load():
        loaded.append(tiny.with_config(tiny.config))
        return loaded[-1]

    monkeypatch.setattr(texts.freeseg, "load", load)
    assert texts.first_time(["cat"], 3) > 0
    assert len(set(map(id, loaded))) == 3


def test_the_memory_of_segmenting_is_that_of_the_plain_installation():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, benchmarks.memory_process; print(*sys.modules)"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"torch", "scipy", "skimage", "sklearn"} & set(done.stdout.split())


def test_a_large_photo_read_at_a_reduced_scale_has_nearly_the_same_mask(tiny, photo_folder):
    from benchmarks import reduced_decoding

    assert min(reduced_decoding.agreements(tiny, [photo_folder / "cat.jpg"], megapixels=2.0)) > 0.95


@torch.inference_mode()
def test_what_is_compared_gives_one_embedding_per_patch(monkeypatch):
    from benchmarks import embedders

    clip = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=12,
            intermediate_size=24,
            projection_dim=8,
            patch_size=16,
            image_size=32,
            num_hidden_layers=7,
            num_attention_heads=2,
        )
    )
    monkeypatch.setitem(embedders.MODELS, embedders.COMPARED, lambda: clip.eval())
    found: dict[str, Any] = {system: build()(torch.zeros(1, 3, 48, 48)) for system, build in embedders.SYSTEMS.items()}
    assert found[embedders.OURS].shape == (1, 384, 6, 6)
    assert found["CLIP Surgery"].shape == (1, 8, 3, 3)
    assert found[embedders.COMPARED].last_hidden_state.shape == (1, 1 + 9, 12)


def test_a_page_names_its_command_but_no_folder_of_this_machine(monkeypatch, tmp_path, capsys):
    from benchmarks import page
    from benchmarks.machine import Clock

    monkeypatch.setattr(page.sys, "argv", ["", "--out", "docs/speed.md", "--data", str(tmp_path / "voc")])
    text = "\n".join(page.head("Speed", "benchmarks.network", Clock.now(), "a 1.0"))
    assert "python -m benchmarks.network --out docs/speed.md --data voc\n" in text
    assert str(tmp_path) not in text
    assert ", a 1.0. Other processes took " in text
    page.deliver(text, tmp_path / "speed.md")
    assert (tmp_path / "speed.md").read_text() == text
    page.deliver(text, None)
    assert capsys.readouterr().out == text


def test_network_and_teacher_side_by_side(monkeypatch, tiny):
    from benchmarks import network

    monkeypatch.setattr(network.Row, "load", lambda row, eight_bits: tiny)
    first, _, *lines = network.measured([network.Row("a"), network.Row("b", 64)], None, network.QUICK)
    assert first == "| model | short side | precision | ms a photo | photos/s | times the first row |"
    assert [line.split(" | ")[0] for line in lines] == ["| a", "| b"]
    assert lines[0].endswith(" | 1.00 |")


def test_what_is_compared_with_the_teacher_comes_at_every_size():
    from benchmarks import network

    rows = network.rows()
    assert rows[0].model == network.TEACHER
    assert {row.short_side for row in rows if row.model == network.DEFAULT} == {0, 288, 256, 224}
    assert network.Row(network.DEFAULT, 96).load().config.preprocessing.short_side == 96
