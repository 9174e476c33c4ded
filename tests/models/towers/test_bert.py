"""BERT, to the last bit as transformers has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor
from transformers.models.bert import BertConfig as TheirConfig
from transformers.models.bert import BertModel

from freeseg.errors import WeightsError
from freeseg.models.towers import minilm
from freeseg.models.towers.bert import Bert, BertConfig

SMALL = BertConfig(50, 24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=30)
WORDS = "a photo of the cat dog sofa street tree café 猫 drone , . quickly running through tall grass"


@pytest.fixture(scope="module")
def theirs() -> BertModel:
    """A small network with random weights."""
    torch.manual_seed(0)
    model = BertModel(TheirConfig(**asdict(SMALL)), add_pooling_layer=True).eval()
    for name, tensor in model.named_parameters():
        if name.endswith(("bias", "LayerNorm.weight")):  # else all zeros and ones, of which some could be forgotten
            torch.nn.init.normal_(tensor, std=0.5)
    return model


@pytest.fixture(scope="module")
def ours(theirs: BertModel, tmp_path_factory: pytest.TempPathFactory) -> Bert:
    """The same, through its files."""
    weights = tmp_path_factory.mktemp("bert") / "model.safetensors"
    save_file(theirs.state_dict(), weights)
    weights.with_name("config.json").write_text(json.dumps({**asdict(SMALL), "hidden_act": "gelu", "other": 1}))
    return Bert.from_file(weights)


@torch.inference_mode()
def both(ours: Bert, theirs: BertModel, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    return ours(ids, mask), theirs(input_ids=ids, attention_mask=mask).last_hidden_state


class TestSmall:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(0, 2**31))
    def test_texts_of_any_lengths(self, ours: Bert, theirs: BertModel, lengths: list[int], seed: int) -> None:
        longest = max(lengths)
        ids = torch.randint(50, (len(lengths), longest), generator=torch.Generator().manual_seed(seed))
        mask = (torch.arange(longest) < torch.tensor(lengths)[:, None]).long()
        found, expected = both(ours, theirs, ids, mask)
        assert torch.equal(found, expected)

    def test_half_precision(self, ours: Bert, theirs: BertModel) -> None:
        ids, mask = torch.arange(20).reshape(2, 10), torch.ones(2, 10, dtype=torch.long)
        mask[1, 4:] = 0
        try:
            found, expected = both(ours.to(torch.bfloat16), theirs.to(torch.bfloat16), ids, mask)
            assert torch.equal(found, expected)
        finally:
            ours.float(), theirs.float()

    def test_the_names_of_its_tensors_are_those_of_checkpoints(self, ours: Bert, theirs: BertModel) -> None:
        assert list(ours.state_dict()) == [name for name in theirs.state_dict() if not name.startswith("pooler.")]

    def test_a_file_that_lacks_a_tensor_is_refused(self, theirs: BertModel, tmp_path: Path) -> None:
        tensors = theirs.state_dict()
        del tensors["encoder.layer.1.output.dense.bias"]
        save_file(tensors, tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_text(json.dumps(asdict(SMALL)))
        with pytest.raises(WeightsError, match=r"layer\.1\.output\.dense\.bias"):
            Bert.from_file(tmp_path / "model.safetensors")

    def test_its_text_tells_networks_apart_whose_tensors_are_alike(self) -> None:
        assert str(Bert(SMALL)) != str(Bert(BertConfig(**{**asdict(SMALL), "num_attention_heads": 4})))
        assert str(Bert(SMALL)) != str(Bert(BertConfig(**{**asdict(SMALL), "layer_norm_eps": 1e-5})))


class TestMiniLM:
    def test_texts_in_batches_of_many_shapes(self) -> None:
        published = BertModel.from_pretrained(minilm.WEIGHTS.path().parent, add_pooling_layer=False).eval()
        tower, draw = minilm.load_minilm(), np.random.default_rng(0)
        for count, longest in ((1, 1), (1, 130), (2, 3), (7, 12), (16, 4), (64, 2), (33, 40)):
            texts = [" ".join(draw.choice(WORDS.split(), draw.integers(1, longest + 1))) for _ in range(count)]
            found, expected = both(tower.bert, published, *tokens(tower.tokenizer.encode_batch(texts)))
            assert torch.equal(found, expected)


def tokens(encodings: Sequence[object]) -> tuple[Tensor, Tensor]:
    ids, mask = (torch.tensor([getattr(each, part) for each in encodings]) for part in ("ids", "attention_mask"))
    return ids, mask


@pytest.mark.slow
def test_an_embedded_model_is_loaded_without_transformers() -> None:
    code = """
import sys
sys.modules["transformers"] = sys.modules["huggingface_hub"] = None
from freeseg.models import load_model
model, _ = load_model("freeseg-lite")
print(*model.project_text(model.text_tower(["a cat"])).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1 384\n", done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"vocab_size": 9}', "it lacks hidden_size, num_hidden_layers"),
        ("[1]", r"it is \[1\]; it must be names with a value each"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps(asdict(SMALL) | {"hidden_size": -1}), "hidden_size is -1; it must be a whole number from 1 to"),
        (json.dumps(asdict(SMALL) | {"num_attention_heads": 7}), "hidden_size is 24; it must be a multiple of"),
        (json.dumps(asdict(SMALL) | {"layer_norm_eps": float("nan")}), "layer_norm_eps is nan"),
        (json.dumps(asdict(SMALL) | {"vocab_size": 49}), "does not fit its config"),
    ],
)
def test_a_config_that_makes_no_sense(content: str, said: str, tmp_path: Path) -> None:
    save_file(Bert(SMALL).state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=f"{said}.*; download it again$"):
        Bert.from_file(tmp_path / "model.safetensors")
