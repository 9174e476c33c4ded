"""Exported models: what they compute, what they say of themselves, and what is not left behind."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import freeseg
import tiny_transformers
from commands import written
from exports import LABELS, PHOTO_LABELS, described, saved_model, tiny_model
from freeseg.decision import itsm
from freeseg.engines.onnx_engine import Session
from freeseg.errors import FreeSegError, OutputError, PhotoError
from freeseg.export import Exported, export, exporter, write_words, writing
from freeseg.export.comparison import blurred_noise
from freeseg.export.graph import FixedVocabulary
from freeseg.export.int8 import quantise
from freeseg.pipeline import FreeSeg
from freeseg.words import Vocabulary
from networks import tiny_network
from tiny import iclip_of, tell_patches_apart
from tiny_transformers import SAVERS

SIZES = [(1, 1, 1), (1, 16, 48), (2, 83, 117), (3, 97, 65), (1, 17, 250), (4, 50, 31)]  # batch, height, width
NEAR = 1e-3


def pixels(batch: int, height: int, width: int) -> torch.Tensor:
    return blurred_noise(batch, height, width)


@torch.inference_mode()
def in_torch(model: FreeSeg, labels: str, batch: torch.Tensor, background: bool = True) -> np.ndarray:
    """The logits that PyTorch gives."""
    words = model.embed_vocabulary(Vocabulary.of(labels))
    return FixedVocabulary(iclip_of(model), model.config.decision, words, background)(batch).numpy()


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Towers of two layers: tracing takes seconds for each of them; the last may differ from those before it."""
    monkeypatch.setattr(tiny_transformers, "LAYERS", 2)


class TestParity:
    @pytest.mark.parametrize("size", SIZES)
    def test_labels_built_in(self, model: FreeSeg, fixed: Exported, size: tuple[int, int, int]):
        found, expected = Session(fixed.path)(pixels(*size)), in_torch(model, LABELS, pixels(*size))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < NEAR

    @pytest.mark.parametrize("size", [(1, 352, 469), (3, 97, 65), (2, 33, 161), (1, 18, 17)])
    def test_the_embedded_model(self, with_torch: FreeSeg, shipped: Exported, size: tuple[int, int, int]):
        found, expected = Session(shipped.path)(pixels(*size)), in_torch(with_torch, PHOTO_LABELS, pixels(*size))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < NEAR

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("words", [1, 7])
    @torch.inference_mode()
    def test_any_words(self, model: FreeSeg, opened: Exported, size: tuple[int, int, int], words: int):
        text = torch.nn.functional.normalize(torch.randn(words, 16, generator=torch.Generator().manual_seed(1)), dim=1)
        expected = itsm.similarity(iclip_of(model).embed_image(pixels(*size)), text).numpy()
        found = Session(opened.path)(pixels(*size), text)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-5

    def test_a_photo_does_not_depend_on_its_batch(self, fixed: Exported):
        session, batch = Session(fixed.path), pixels(3, 60, 70)
        alone = np.concatenate([session(each[None]) for each in batch])
        np.testing.assert_allclose(session(batch), alone, atol=NEAR)

    @pytest.mark.usefixtures("shallow")
    def test_a_clip_without_background(self, tmp_path: Path):
        clip = freeseg.load(SAVERS["clip"](tmp_path / "clip"))
        path = export(clip, tmp_path / "out", LABELS, background=False).path
        assert path.name == "clip.onnx"
        assert described(path)["model"] == "clip"  # the folder that it is in is not told
        for size in [(1, 64, 48), (2, 41, 60)]:
            expected = in_torch(clip, LABELS, pixels(*size), background=False)
            np.testing.assert_allclose(Session(path)(pixels(*size)), expected, atol=NEAR)

    @pytest.mark.usefixtures("shallow")
    @pytest.mark.parametrize(("kind", "mode"), [("siglip", None), ("siglip2-naflex", None), ("clip", "naclip")])
    def test_other_transformers(self, tmp_path: Path, kind: str, mode: str | None):
        model = freeseg.load(SAVERS[kind](tmp_path / kind), mode=mode)
        path = export(model, tmp_path / "out", LABELS).path
        for size in [(1, 64, 48), (2, 41, 60)]:
            np.testing.assert_allclose(Session(path)(pixels(*size)), in_torch(model, LABELS, pixels(*size)), atol=NEAR)

    def test_a_segmentation_network(self, tmp_path: Path):
        model = saved_model(tmp_path, tell_patches_apart(tiny_network().eval()))
        path = export(model, tmp_path / "out", PHOTO_LABELS).path
        found = Session(path)(pixels(2, 61, 90))
        assert found.shape == (2, 4, 8, 12)
        np.testing.assert_allclose(found, in_torch(model, PHOTO_LABELS, pixels(2, 61, 90)), atol=NEAR)


class TestFile:
    def test_batch_and_sides_are_free(self, fixed: Exported, opened: Exported):
        axes = {}
        for path in (fixed.path, opened.path):
            session = onnxruntime.InferenceSession(str(path))
            axes |= {each.name: each.shape for each in (*session.get_inputs(), *session.get_outputs())}
        assert axes == {
            "pixels": ["batch", 3, "height", "width"],
            "logits": ["batch", 5, "rows", "columns"],
            "text": ["words", 16],
            "itsm": ["batch", "words", "rows", "columns"],
        }

    def test_it_says_what_it_is(self, model: FreeSeg, fixed: Exported):
        found = described(fixed.path)
        assert found == json.loads(fixed.path.with_suffix(".json").read_text())
        assert found["labels"] == ["background", "cat", "dog", "red car", "grass"]
        assert found["preprocessing"] == {"short_side": 96, "long_cap": 4.0, "multiple": 1, "resample": "bicubic"}
        assert found["decision"]["background_margin"] == 0.05
        assert (found["model"], found["licence"], found["stride"]) == ("tiny", "Apache-2.0", 16)
        assert len(found["weights_sha256"]) == 64

    def test_the_checkpoints_hash_is_kept(self, with_torch: FreeSeg, shipped: Exported):
        found = described(shipped.path)
        assert found["weights_sha256"] == with_torch.config.weights_sha256
        assert found["freeseg_version"] == version("freeseg")
        assert shipped.int8
        assert described(shipped.int8) == found

    def test_any_words_have_no_labels(self, opened: Exported):
        assert opened.path.name == "tiny-open.onnx"
        assert described(opened.path)["labels"] is None

    def test_nothing_tells_of_this_machine(self, fixed: Exported):
        content = fixed.path.read_bytes()
        assert str(Path(freeseg.__file__).parents[1]).encode() not in content
        assert b".py" not in content


class TestInt8:
    def test_most_pixels_are_the_same(self, with_torch: FreeSeg, shipped: Exported, photo_folder: Path):
        assert shipped.int8
        assert shipped.int8.name == f"{with_torch.config.name}.int8.onnx"
        assert shipped.int8.stat().st_size < 0.4 * shipped.path.stat().st_size
        whole, rounded = Session(shipped.path), Session(shipped.int8)
        for photo in photo_folder.rglob("*.*"):
            seen = torch.from_numpy(with_torch.prepare(photo).pixels).permute(2, 0, 1)[None].float()
            assert (whole(seen).argmax(axis=1) == rounded(seen).argmax(axis=1)).mean() > 0.85

    def test_the_decision_is_not_rounded(self, shipped: Exported):
        nodes = onnx.load(shipped.int8).graph.node
        made = {output: node for node in nodes for output in node.output}
        deciding = [node for node in nodes if not node.name.startswith("embedder/") and node.op_type == "Conv"]
        assert deciding
        assert all(made[node.input[0]].op_type == "Div" for node in deciding)  # the unit patches, as they are
        assert sum(node.op_type == "DequantizeLinear" for node in nodes) > 50

    def test_the_graph_in_32_bits_stays_as_it_is(self, fixed: Exported):
        proto = onnx.load(fixed.path)
        before = proto.SerializeToString()
        assert len(quantise(proto, [(pixels(1, 60, 50),)]).SerializeToString()) != len(before)
        assert proto.SerializeToString() == before

    def test_what_decides_otherwise_is_not_left(
        self, model: FreeSeg, fixed: Exported, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(exporter, "trace", lambda *_: onnx.load(fixed.path))
        monkeypatch.setattr(writing, "MIN_AGREEMENT", 1.01)
        with pytest.raises(FreeSegError, match=r"tiny.int8.onnx chooses as PyTorch does for \d+% of the patches only"):
            export(model, tmp_path, LABELS, calibrate=photo_folder)
        assert written(tmp_path) == ["tiny.json", "tiny.onnx"]

    def test_photos_are_needed(self, model: FreeSeg, tmp_path: Path):
        with pytest.raises(PhotoError, match="no photos in"):
            export(model, tmp_path / "out", LABELS, calibrate=tmp_path)
        assert written(tmp_path) == []


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("calibrate", [False, True])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    model: FreeSeg,
    fixed: Exported,
    photo_folder: Path,
    tmp_path: Path,
    calibrate: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(exporter, "trace", lambda *_: onnx.load(fixed.path))
    if calibrate:  # the file in 32 bits fits
        monkeypatch.setattr(exporter, "write_float32", lambda *_: 0.0)
    with pytest.raises(OutputError, match="cannot write"):
        export(model, tmp_path / "out", LABELS, calibrate=photo_folder if calibrate else None)
    assert not [name for name in written(tmp_path) if not name.endswith(".json")]


class TestRefused:
    def test_a_file_that_differs_is_not_left(self, fixed: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(exporter, "trace", lambda *_: onnx.load(fixed.path))
        with pytest.raises(FreeSegError, match=r"the logits of tiny.onnx differ from PyTorch's by .*, more than 1e-03"):
            export(tiny_model(seed=1), tmp_path, LABELS)
        assert written(tmp_path) == []

    def test_so_is_one_of_other_labels(self, model: FreeSeg, fixed: Exported, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(exporter, "trace", lambda *_: onnx.load(fixed.path))
        with pytest.raises(FreeSegError, match="differ from PyTorch's by inf"):
            export(model, tmp_path, "cat, dog")

    def test_what_torch_cannot_trace(self, tmp_path: Path):
        model = tiny_model()
        tower: Any = iclip_of(model).image_tower
        features = tower.features
        tower.features = lambda pixels: features(pixels if pixels.mean() > 0 else -pixels)
        with pytest.raises(FreeSegError, match="tiny cannot be exported") as caught:
            export(model, tmp_path, LABELS)
        assert len(str(caught.value).splitlines()) == 1
        assert written(tmp_path) == []

    def test_what_onnxruntime_cannot_run(self, fixed: Exported):
        with pytest.raises(
            FreeSegError, match=r"onnxruntime cannot run the graph on pixels \(1, 4, 32, 32\)"
        ) as caught:
            Session(fixed.path)(torch.zeros(1, 4, 32, 32))
        assert len(str(caught.value).splitlines()) == 1


def test_words_are_what_the_model_embeds(model: FreeSeg, tmp_path: Path):
    path = write_words(model, tmp_path, "cat, sofa|couch")
    found = np.load(path)
    words = Vocabulary.of("cat, sofa|couch", background_words=())
    assert found.dtype == np.float32
    assert np.array_equal(found, model.embed_vocabulary(words).embeddings)
    rows = json.loads(path.with_suffix(".json").read_text())
    assert rows == {"words": ["cat", "sofa", "couch"], "labels": ["cat", "sofa", "sofa"]}
