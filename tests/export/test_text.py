"""The text tower as a file: near to PyTorch for texts of any length, and complete with its tokenizer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from freeseg.engines.onnx_session import Session
from freeseg.errors import FreeSegError
from freeseg.export import text
from freeseg.export.bert_rounding import correct_biases, sort_channels
from freeseg.export.blocks import FLOAT_ACTIVATIONS, round_in_blocks
from freeseg.export.text import checked_texts, compare, correction, multiply, text_graph, write_text_tower
from freeseg.files import sha256
from freeseg.models.onnx_files import DESCRIPTION, TEXT, TOKENIZER, read_onnx_files
from freeseg.models.towers import minilm
from freeseg.models.towers.bert import Bert, BertConfig
from freeseg.models.towers.sentence_bert import SentenceBert
from freeseg.words import default_background

pytestmark = pytest.mark.slow

WORDS = ["[PAD]", "a", "photo", "of", "the", "cat", "dog", "sofa", "in", "scene", "street", "tree"]
TEXTS = ["cat", "a photo of the cat", "dog", "sofa in the street", "tree tree tree tree tree tree tree tree tree"]
SMALL = BertConfig(64, 64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128)


@pytest.fixture(scope="module")
def tower() -> SentenceBert:
    """A small text tower with random weights, some of whose channels are large."""
    torch.manual_seed(0)
    bert = Bert(SMALL)
    for parameter in bert.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    with torch.no_grad():
        for part in (each for each in bert.modules() if isinstance(each, torch.nn.LayerNorm)):
            part.weight.add_(1)
            part.weight[::20] *= 12
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token=WORDS[1]))
    tokenizer.pre_tokenizer = Whitespace()
    return SentenceBert(bert, tokenizer).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def path(tower: SentenceBert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / TEXT
    onnx.save(text_graph(tower, TEXTS), path)
    return path


def test_embeddings_are_near_to_those_of_pytorch(tower: SentenceBert, path: Path) -> None:
    found = compare(tower, path, [*TEXTS, "dog cat " * 64])
    assert found.smallest > 0.999
    assert found.texts == len(TEXTS) + 1


def test_what_fills_up_a_batch_does_not_count(path: Path) -> None:
    session = Session(path)
    ids = np.array([[5, 6, 7, 9], [5, 6, 0, 0]])
    (_, padded), (alone,) = session(ids, (ids > 0).astype(np.int64)), session(ids[1:, :2], np.ones((1, 2), np.int64))
    np.testing.assert_allclose(padded, alone, atol=1e-5)
    assert np.linalg.norm(padded) == pytest.approx(1, abs=1e-5)


def test_weights_are_in_8_bits(path: Path) -> None:
    proto = onnx.load(path)
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds.count("MatMulNBits") == 6 * SMALL.num_hidden_layers
    levels = [level.i for node in proto.graph.node for level in node.attribute if level.name == "accuracy_level"]
    assert levels.count(FLOAT_ACTIVATIONS) == SMALL.num_hidden_layers
    assert [each.name for each in proto.graph.output] == ["embedding"]


def test_the_order_of_channels_changes_nothing_else(tower: SentenceBert) -> None:
    bert = Bert(SMALL)
    bert.load_state_dict(tower.bert.state_dict())
    ids, mask = torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]])
    with torch.no_grad():
        expected = tower.bert(ids, mask)
        order = sort_channels(bert, lambda: bert(ids, mask))
        found = bert(ids, mask)
    assert sorted(order.tolist()) == list(range(64))
    assert order.tolist() != list(range(64))
    torch.testing.assert_close(found, expected[..., order], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_biases_make_up_for_rounding(tower: SentenceBert) -> None:
    bert = Bert(SMALL)
    bert.load_state_dict(tower.bert.state_dict())
    ids, mask = torch.tensor([[5, 6, 7], [8, 9, 1]]), torch.ones(2, 3, dtype=torch.int64)
    correct_biases(bert, lambda: bert(ids, mask), 16)
    corrected, own = (each.state_dict() for each in (bert, tower.bert))
    query = "encoder.layer.0.attention.self.query"
    rounded, scales = round_in_blocks(own[f"{query}.weight"].numpy(), 16)
    inputs = tower.bert.embeddings(ids).flatten(0, 1)
    found = inputs @ torch.from_numpy(rounded * scales.repeat(16, axis=1)).T + corrected[f"{query}.bias"]
    expected = inputs @ own[f"{query}.weight"].T + own[f"{query}.bias"]
    torch.testing.assert_close(found.mean(dim=0), expected.mean(dim=0), atol=1e-4, rtol=1e-4)
    assert (found - expected).abs().max() > 1e-3


def test_embeddings_are_multiplied_by_a_matrix(tmp_path: Path) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", 8]) for name in ("given", "embedding")]
    same = helper.make_graph([helper.make_node("Identity", ["given"], ["embedding"])], "test", ends[:1], ends[1:])
    proto = helper.make_model(same, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    numbers = np.random.default_rng(0)
    given, matrix = (numbers.normal(size=(rows, 8)).astype(np.float32) for rows in (3, 8))
    onnx.save(multiply(proto, matrix), tmp_path / TEXT)
    product = given @ matrix
    np.testing.assert_allclose(
        Session(tmp_path / TEXT)(given), product / np.linalg.norm(product, axis=1, keepdims=True), atol=1e-6
    )


def test_the_correction_takes_back_a_linear_change() -> None:
    numbers = np.random.default_rng(0)
    wanted = numbers.normal(size=(5000, 8)).astype(np.float32)
    change = (np.eye(8) + 0.1 * numbers.normal(size=(8, 8))).astype(np.float32)
    found = wanted @ change
    np.testing.assert_allclose(correction(found, wanted), np.linalg.inv(change), atol=2e-3)


def test_the_correction_leaves_alone_what_few_texts_show() -> None:
    numbers = np.random.default_rng(0)
    found, wanted = (numbers.normal(scale=1e-3, size=(2, 8)).astype(np.float32) for _ in range(2))
    np.testing.assert_allclose(correction(found, wanted), np.eye(8), atol=1e-5)


class TestWriting:
    @pytest.fixture(autouse=True)
    def published(self, tower: SentenceBert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The small tower in place of the published one."""
        tokenizer = tmp_path / "published" / TOKENIZER
        tokenizer.parent.mkdir()
        tower.tokenizer.save(str(tokenizer))
        monkeypatch.setattr(minilm, "load_minilm", lambda: tower)
        monkeypatch.setattr(minilm, "TOKENIZER", SimpleNamespace(path=lambda: tokenizer))
        monkeypatch.setattr(text, "checked_texts", lambda: TEXTS)
        return tokenizer

    def test_a_folder_that_is_checked(self, tmp_path: Path, published: Path) -> None:
        done = write_text_tower(tmp_path / "out", command="a test")
        files = read_onnx_files(tmp_path / "out", tower_sha256=minilm.WEIGHTS.sha256)
        assert files.path(TEXT) == done.path
        assert files.path(TOKENIZER).read_bytes() == published.read_bytes()
        assert (files.channels, files.files[TEXT].sha256) == (64, sha256(done.path))
        assert files.made is not None
        assert files.made["command"] == "a test"
        assert files.made["measured"]["smallest cosine"] == done.smallest

    def test_a_file_that_differs_is_not_left_behind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text, "MIN_COSINE", 1.1)
        with pytest.raises(FreeSegError, match=r"it was not left behind"):
            write_text_tower(tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())
        assert not (tmp_path / "out" / DESCRIPTION).exists()


def test_all_that_ships_is_compared() -> None:
    texts = checked_texts()
    assert len(texts) == len(set(texts)) > 2000
    assert {f"a photo of a {word}." for word in default_background()} <= set(texts)
