"""A model in the engine that was chosen for it, and what is said where it cannot be had."""

from __future__ import annotations

import builtins
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import freeseg
from commands import one_line, program
from freeseg.engines import onnx_session
from freeseg.engines.choose import Wish
from freeseg.engines.onnx_engine import OnnxEngine
from freeseg.engines.opening import choose_for
from freeseg.errors import FreeSegError, WeightsError
from freeseg.export import Exported
from freeseg.models import DEFAULT, EMBEDDED, embedded_folder
from freeseg.models.config import WEIGHTS
from freeseg.models.onnx_files import DESCRIPTION, IMAGE, IMAGE_INT8
from freeseg.pipeline import FreeSeg
from light_files import copy_of, describe_as_it_is
from tiny import same

NOISE = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the default model's folder, to be damaged."""
    return copy_of(embedded_folder(DEFAULT), tmp_path / "model")


@pytest.mark.parametrize("name", EMBEDDED)
@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_the_models_run_in_onnxruntime(name: str, precision: str) -> None:
    loaded = freeseg.load(name, engine="onnxruntime", precision=precision)
    assert (loaded.engine.name, loaded.engine.precision) == ("onnxruntime", precision)
    assert loaded.weights_sha256 == loaded.config.weights_sha256
    maps = loaded.similarity(NOISE, "cat, dog", size=(9, 14))
    assert np.abs(maps).max() < 1


def test_the_default_is_what_is_chosen() -> None:
    choice = choose_for(embedded_folder(DEFAULT), Wish())
    engine = freeseg.load().engine
    assert (engine.name, engine.precision) == (choice.engine, choice.precision)
    assert choice.engine == "onnxruntime"


def test_precisions_and_models_have_an_identity_each() -> None:
    engines = [freeseg.load(name, precision=each).engine for name in EMBEDDED for each in ("int8", "float32")]
    assert len({engine.identity for engine in engines}) == len(engines)


def test_a_model_can_be_sent_to_another_process(embedded: FreeSeg) -> None:
    again = pickle.loads(pickle.dumps(embedded))  # noqa: S301 - it was made in the line before
    assert same(again.segment(NOISE, "cat, dog"), embedded.segment(NOISE, "cat, dog"))


@pytest.mark.parametrize("exported", [False, True])
def test_the_current_folder_may_change(
    model: Path, shipped_open: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exported: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "open.onnx").symlink_to(shipped_open.path)
    loaded = freeseg.load(model.name, precision="float32", onnx="open.onnx" if exported else None)
    expected = freeseg.load(model, precision="float32").similarity(NOISE, "zeppelin, heron", size=(9, 14))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")  # nothing was asked yet: no word was embedded, no tokenizer read
    monkeypatch.setenv("FREESEG_CACHE", str(tmp_path / "cache"))
    again = pickle.loads(pickle.dumps(loaded))  # noqa: S301 - it was made in the lines before
    for each in (loaded, again):
        np.testing.assert_allclose(each.similarity(NOISE, "zeppelin, heron", size=(9, 14)), expected, atol=1e-5)


def test_as_many_threads_as_were_asked_for() -> None:
    engine = freeseg.load(threads=1).engine
    assert isinstance(engine, OnnxEngine)
    assert engine.session.session.get_session_options().intra_op_num_threads == 1
    assert engine.max_concurrent == 1


def test_an_exported_file_needs_no_pytorch(shipped_open: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freeseg.engines.opening._open_torch", lambda *_: pytest.fail("PyTorch was asked for"))
    found = freeseg.load(onnx=shipped_open.path).segment(NOISE, "cat, zebra")
    assert found.labels == ("background", "cat", "zebra")


class TestRefusals:
    @pytest.mark.parametrize("name", [IMAGE, IMAGE_INT8])
    def test_a_file_that_was_altered(self, model: Path, name: str) -> None:
        (model / name).write_bytes((model / name).read_bytes()[:-1])
        precision = "int8" if name == IMAGE_INT8 else "float32"
        with pytest.raises(WeightsError, match=f"{name} was altered or cut short .*; install FreeSeg again"):
            freeseg.load(model, engine="onnxruntime", precision=precision)
        (model / name).unlink()
        with pytest.raises(WeightsError, match=f"{name} is missing; install FreeSeg again"):
            freeseg.load(model, engine="onnxruntime", precision=precision)

    def test_weights_that_were_altered(self, model: Path) -> None:
        (model / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes()[:-1])
        with pytest.raises(WeightsError, match=f"{WEIGHTS} was altered or cut short"):
            freeseg.load(model, engine="onnxruntime", precision="float32")

    def test_a_file_that_onnxruntime_cannot_read(self, model: Path) -> None:
        (model / IMAGE_INT8).write_text("nonsense")
        describe_as_it_is(model, IMAGE_INT8)
        with pytest.raises(FreeSegError, match=f"onnxruntime cannot load {IMAGE_INT8} .*; install FreeSeg again"):
            freeseg.load(model, engine="onnxruntime", precision="int8")

    def test_files_of_other_weights(self, model: Path) -> None:
        (model / DESCRIPTION).write_bytes((embedded_folder("freeseg-lite-iclip") / DESCRIPTION).read_bytes())
        with pytest.raises(WeightsError, match="made from other weights"):
            freeseg.load(model)

    def test_an_onnxruntime_that_is_too_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(onnxruntime, "__version__", "1.9.0")
        with pytest.raises(FreeSegError, match=r"onnxruntime 1\.9\.0 is too old; run: pip install --upgrade"):
            freeseg.load()
        oldest = ".".join(map(str, onnx_session.OLDEST))
        monkeypatch.setattr(onnxruntime, "__version__", f"{oldest}.0")
        assert freeseg.load().engine.name == "onnxruntime"

    def test_an_onnxruntime_that_cannot_be_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = builtins.__import__

        def refuse(name: str, *rest: Any, **options: Any) -> Any:
            if name == "onnxruntime":
                raise ImportError("DLL load failed")
            return first(name, *rest, **options)

        monkeypatch.setattr(builtins, "__import__", refuse)
        with pytest.raises(FreeSegError, match=r"onnxruntime cannot be imported \(DLL load failed\); run: pip install"):
            freeseg.load()

    def test_a_dense_mode(self) -> None:
        with pytest.raises(WeightsError, match="freeseg-lite has no dense modes; leave --mode out"):
            freeseg.load(mode="surgery")

    def test_an_exported_file_in_pytorch(self, tmp_path: Path) -> None:
        with pytest.raises(FreeSegError, match="an ONNX file runs in onnxruntime; leave --onnx or --engine out"):
            freeseg.load(onnx=tmp_path / "any.onnx", engine="torch")

    def test_before_any_photo_is_read(self, model: Path, tmp_path: Path) -> None:
        (model / IMAGE_INT8).unlink()
        (tmp_path / "photo.jpg").write_text("no photo")
        for command in ("segment", "heatmap"):
            asked = (tmp_path / "photo.jpg", "-l", "cat", "-m", model, "--precision", "int8", "--out", tmp_path / "out")
            done = program(command, *asked)
            assert f"{IMAGE_INT8} is missing" in one_line(done)
        assert not (tmp_path / "out").exists()
