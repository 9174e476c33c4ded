"""PyTorch as an engine: what the embeddings of words depend on, and what it computes."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import torch
from torch import nn
from transformers.models.bert import BertConfig, BertModel

from freeseg.decision.itsm import similarity
from freeseg.engines import torch_engine
from freeseg.engines.torch_engine import TorchEngine, text_identity
from freeseg.errors import FreeSegError, WeightsError
from freeseg.models import Config, TowerPair
from freeseg.pipeline import FreeSeg
from tiny import iclip_of, same, tiny_iclip

NOISE = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)


def test_maps_are_cosines_of_the_models_own_patches_with_the_texts() -> None:
    model = tiny_iclip()
    texts = np.random.default_rng(1).normal(size=(4, model.dim)).astype(np.float32)
    found = TorchEngine(model, Config("tiny", TowerPair("tiny", "tiny"))).similarity_maps(NOISE, texts)
    with torch.inference_mode():
        patches = model.embed_image(torch.from_numpy(NOISE).permute(2, 0, 1)[None])
        expected = similarity(patches, torch.from_numpy(texts))[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32


def test_words_are_averaged_over_their_prompts() -> None:
    model = tiny_iclip()
    found = TorchEngine(model, Config("tiny", TowerPair("tiny", "tiny"))).embed_words(["cat", "dog"], ["a {}.", "{}"])
    prompts = ["a cat.", "cat", "a dog.", "dog"]
    with torch.inference_mode():
        rows = nn.functional.normalize(model.text_head(model.text_tower(prompts)), dim=1).view(2, 2, -1).mean(dim=1)
    np.testing.assert_allclose(found.joint, nn.functional.normalize(rows, dim=1).numpy(), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found.tower, axis=1), 1, atol=1e-6)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system forks nothing")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_computes_with_a_thread_of_its_own() -> None:
    engine = TorchEngine(tiny_iclip(), Config("tiny", TowerPair("tiny", "tiny")), threads=2)
    _FORKED["engine"] = engine
    _, expected = _look()  # PyTorch has threads now, which a forked process has not
    with multiprocessing.get_context("fork").Pool(1) as pool:
        threads, found = pool.apply_async(_look).get(timeout=60)
    assert threads == 1
    np.testing.assert_allclose(found, expected, atol=1e-6)


_FORKED: dict[str, TorchEngine] = {}  # what a forked process finds as it was


def _look() -> tuple[int, np.ndarray]:
    engine = _FORKED["engine"]
    return torch.get_num_threads(), engine.similarity_maps(NOISE, np.eye(engine.model.dim, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_said(value: float) -> None:
    model = tiny_iclip()
    engine = TorchEngine(model, Config("m" * 5_000, TowerPair("tiny", "tiny")))
    with torch.no_grad():
        for head in (model.image_head, model.text_head):
            next(head.parameters()).fill_(value)
    said = r"model 'm{40}\.\.\.' gives values that are no numbers .* damaged; fetch or train it again"
    with pytest.raises(WeightsError, match=said):
        engine.similarity_maps(NOISE, np.ones((1, model.dim), np.float32))
    with pytest.raises(WeightsError, match=said):
        engine.embed_words(["cat"], ["{}"])


def test_it_computes_with_as_many_threads_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESEG_CACHE", "off")
    model, before, seen = tiny_iclip(), torch.get_num_threads(), list[int]()

    def counted(tensor: torch.Tensor, *_: object) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return tensor

    monkeypatch.setattr(torch_engine, "cached_embeddings", lambda identity, words, templates, compute: compute(words))
    monkeypatch.setattr(model, "similarity_maps", lambda pixels, texts: counted(pixels.float()))
    monkeypatch.setattr(model, "project_text", counted)
    texts = np.ones((2, model.dim), np.float32)
    for threads in (1, before + 1, None):
        engine = TorchEngine(model, Config("tiny", TowerPair("tiny", "tiny")), threads=threads)
        seen.clear()
        engine.similarity_maps(NOISE, texts)
        engine.embed_words(["cat"], ["{}"])
        assert seen == [threads or before] * 2
        assert torch.get_num_threads() == before


def test_a_model_can_be_sent_to_another_process(tiny: FreeSeg) -> None:
    expected = tiny.segment(NOISE, "cat, dog")
    again = pickle.loads(pickle.dumps(tiny))  # noqa: S301 - it was made in the line before
    assert same(again.segment(NOISE, "cat, dog"), expected)


def test_a_copy_on_another_device_leaves_the_model_where_it_is(tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tiny.to("cpu").engine is tiny.engine
    with pytest.raises(FreeSegError, match="device 'nowhere' cannot be used here"):
        tiny.to("nowhere")
    monkeypatch.setattr(torch_engine, "require_device", torch.device)
    elsewhere = tiny.to("meta")
    assert isinstance(elsewhere.engine, TorchEngine)
    assert isinstance(tiny.engine, TorchEngine)
    assert (elsewhere.engine.device.type, tiny.engine.device.type) == ("meta", "cpu")
    assert elsewhere.config == tiny.config


def test_the_identity_changes_with_a_weight(tiny: FreeSeg) -> None:
    before = tiny.engine.identity
    with torch.no_grad():
        iclip_of(tiny).image_head.first.bias[0] += 1e-3
    assert tiny.engine.identity != before


class TestTextIdentity:
    def test_of_the_weights(self) -> None:
        module = nn.Linear(2, 3)
        first = text_identity(module)
        assert first == text_identity(module)
        assert len(first) == 64
        with torch.no_grad():
            module.bias[0] += 1e-6
        assert text_identity(module) != first

    def test_of_the_structure_and_whatever_else(self) -> None:
        linear = nn.Linear(2, 2)
        made = [
            text_identity(nn.Sequential(linear, nn.ReLU())),
            text_identity(nn.Sequential(linear, nn.GELU())),
            text_identity(linear, nn.ReLU()),
            text_identity(linear),
            text_identity(linear, extra="tokenizer"),
            text_identity(nn.Linear(2, 2).to(torch.bfloat16)),
        ]
        assert len(set(made)) == len(made)

    def test_precision(self) -> None:
        module = nn.Linear(2, 2)
        with torch.no_grad():
            module.weight.copy_(torch.eye(2))
        assert text_identity(module) != text_identity(module.to(torch.bfloat16))

    def test_of_the_libraries_that_its_modules_are_from(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bert = BertModel(
            BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4)
        )
        plain = nn.Linear(2, 3)
        before = text_identity(bert), text_identity(plain)
        version = metadata.version
        monkeypatch.setattr(metadata, "version", lambda name: "99" if name == "transformers" else version(name))
        assert text_identity(bert) != before[0]
        assert text_identity(plain) == before[1]

    def test_nothing_to_tell_apart(self) -> None:
        assert text_identity(nn.ReLU()) == ""

    @pytest.mark.slow
    def test_the_same_in_another_process(self) -> None:
        code = (
            "import torch; from torch import nn; from freeseg.engines.torch_engine import text_identity;"
            "torch.manual_seed(0); print(text_identity(nn.Linear(3, 4), nn.LayerNorm(4), extra='x'))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        torch.manual_seed(0)
        assert done.stdout.strip() == text_identity(nn.Linear(3, 4), nn.LayerNorm(4), extra="x")
