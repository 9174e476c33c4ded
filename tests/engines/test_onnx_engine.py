"""A model whose photos onnxruntime looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

import freeseg
from commands import one_line, program, results_of, written
from exports import PHOTO_LABELS
from freeseg.data.segmentation import SegmentationData
from freeseg.data.segmentation.dataset import lookup
from freeseg.errors import FreeSegError, PhotoError, WeightsError
from freeseg.evaluation.measure import apply_protocol, model_sha256
from freeseg.evaluation.protocols import Protocol
from freeseg.export import Exported
from freeseg.photos import find_photos
from freeseg.pipeline import FreeSeg
from freeseg.results.segmentation import Segmentation
from tiny_transformers import SAVERS


@pytest.fixture(scope="module")
def by_file(shipped_open: Exported, with_torch: FreeSeg) -> FreeSeg:
    """The file looks at photos; words are embedded by PyTorch, since onnxruntime's text tower is rounded."""
    model = freeseg.load(onnx=shipped_open.path)
    model.engine.embed_words = with_torch.engine.embed_words  # type: ignore[method-assign]
    return model


class TestMasks:
    @pytest.mark.parametrize("background", [True, False])
    def test_are_those_of_pytorch(self, with_torch: FreeSeg, by_file: FreeSeg, photo_folder: Path, background: bool):
        for photo in [photo.path for photo in find_photos([photo_folder])]:
            expected = with_torch.segment(photo, PHOTO_LABELS, background=background)
            found = by_file.segment(photo, PHOTO_LABELS, background=background)
            assert (found.mask == expected.mask).mean() > 0.999
            np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-3)
            assert found.presence == pytest.approx(expected.presence, abs=1e-4)

    def test_eight_bits_are_near(self, with_torch: FreeSeg, shipped_open: Exported, photo_folder: Path):
        assert shipped_open.int8
        rounded = freeseg.load(onnx=shipped_open.int8)
        photos = [photo.path for photo in find_photos([photo_folder])]
        masks = [[each.segment(photo, PHOTO_LABELS).mask for each in (rounded, with_torch)] for photo in photos]
        assert np.mean([(found == expected).mean() for found, expected in masks]) > 0.9

    def test_many_at_once_are_as_one_by_one(
        self, by_file: FreeSeg, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(by_file.engine, "max_concurrent", 3)
        (tmp_path / "bad.jpg").write_bytes(b"no picture")
        photos = [photo.path for photo in find_photos([photo_folder])]
        asked = [*photos, tmp_path / "bad.jpg", *reversed(photos)]
        outcomes = list(by_file.stream(iter(asked), PHOTO_LABELS))
        assert isinstance(outcomes.pop(len(photos)), PhotoError)
        for photo, outcome in zip([*photos, *reversed(photos)], outcomes, strict=True):
            alone = by_file.segment(photo, PHOTO_LABELS)
            assert isinstance(outcome, Segmentation)
            assert outcome.name == photo.name
            np.testing.assert_array_equal(outcome.mask, alone.mask)
            np.testing.assert_array_equal(outcome.confidence, alone.confidence)

    def test_only_a_few_are_begun_before_they_are_asked_for(self, by_file: FreeSeg, monkeypatch: pytest.MonkeyPatch):
        asked: list[int] = []

        def photos() -> Iterator[np.ndarray]:
            for index in range(9):
                asked.append(index)
                yield np.zeros((40, 50 + index, 3), np.uint8)

        monkeypatch.setattr(by_file.engine, "max_concurrent", 3)
        for done, outcome in enumerate(by_file.stream(photos(), "cat"), start=1):
            assert isinstance(outcome, Segmentation)
            assert outcome.mask.shape == (40, 49 + done)
            assert len(asked) == min(9, done + 3)

    def test_any_words_and_any_size(self, with_torch: FreeSeg, by_file: FreeSeg):
        noise = np.random.default_rng(0).integers(0, 256, (37, 211, 3), np.uint8)
        expected = with_torch.similarity(noise, "a zebra, the sea|ocean")
        np.testing.assert_allclose(by_file.similarity(noise, "a zebra, the sea|ocean"), expected, atol=1e-4)

    def test_at_another_short_side(self, shipped_open: Exported):
        small = freeseg.load(short_side=64, onnx=shipped_open.path)
        assert small.segment(np.zeros((50, 70, 3), np.uint8), "cat").mask.shape == (50, 70)
        assert small.prepare(np.zeros((50, 70, 3), np.uint8)).pixels.shape == (64, 90, 3)


class TestEvaluation:
    def test_the_file_looks_and_counts(self, with_torch: FreeSeg, by_file: FreeSeg):
        data = SegmentationData("two", ("background", "cat"), True, (), lookup({0: 0, 1: 1}))
        measured, _ = apply_protocol(by_file, data, Protocol("freeseg"), setting="freeseg")
        assert measured.engine is by_file.engine
        assert model_sha256(by_file) != model_sha256(with_torch)


class TestRefusals:
    def test_another_models_file(self, shipped_open: Exported):
        with pytest.raises(WeightsError, match="not of this model but of freeseg-lite; export this one"):
            freeseg.load("freeseg-lite-iclip", onnx=shipped_open.path)

    def test_labels_built_in(self, shipped: Exported):
        with pytest.raises(WeightsError, match="labels built in; export the model again without --labels"):
            freeseg.load(onnx=shipped.path)

    def test_no_file(self, tmp_path: Path):
        with pytest.raises(WeightsError, match=r"no file .*none\.onnx; `freeseg export` without --labels writes one"):
            freeseg.load(onnx=tmp_path / "none.onnx")

    def test_no_onnx_file(self, tmp_path: Path):
        (tmp_path / "text.onnx").write_text("words")
        with pytest.raises(FreeSegError, match=r"onnxruntime cannot load text\.onnx"):
            freeseg.load(onnx=tmp_path / "text.onnx")

    def test_an_onnx_file_of_somebody_else(self, shipped_open: Exported, tmp_path: Path):
        proto = onnx.load(shipped_open.path)
        del proto.metadata_props[:]
        onnx.save(proto, tmp_path / "other.onnx")
        with pytest.raises(WeightsError, match="not of this model but of no model"):
            freeseg.load(onnx=tmp_path / "other.onnx")

    def test_a_clip(self, shipped_open: Exported, tmp_path: Path):
        with pytest.raises(FreeSegError, match="no windows; leave --onnx out"):
            freeseg.load(SAVERS["clip"](tmp_path / "clip"), onnx=shipped_open.path)

    def test_another_precision(self, shipped_open: Exported, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("freeseg.models.devices.cpu_supports", lambda dtype: True)
        with pytest.raises(FreeSegError, match="at its own precision; leave --device and --precision out"):
            freeseg.load(precision="bfloat16", onnx=shipped_open.path)


def test_through_the_command_line(shipped_open: Exported, photo_folder: Path, tmp_path: Path):
    photo = find_photos([photo_folder])[0].path
    assert shipped_open.int8
    done = program("segment", photo, "-l", "cat, cup", "--onnx", shipped_open.int8, "--out", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    assert written(tmp_path / "out") == results_of(photo.stem)
    wrong = program("heatmap", photo, "-l", "cat", "--onnx", photo, "--out", tmp_path / "none")
    assert "onnxruntime cannot load" in one_line(wrong)
