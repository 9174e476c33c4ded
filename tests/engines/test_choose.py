"""Which engine runs a model, at which precision, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from freeseg.engines import choose as choosing
from freeseg.engines.choose import Choice, LightFiles, Wish, choose
from freeseg.errors import FreeSegError
from freeseg.models.onnx_files import IMAGE, IMAGE_INT8, OnnxFile, OnnxFiles

BOTH = {IMAGE: OnnxFile("a", "float32"), IMAGE_INT8: OnnxFile("b", "int8")}


def files(*names: str) -> LightFiles:
    model = OnnxFiles(Path("model"), 384, {name: BOTH[name] for name in names or BOTH}, weights_sha256="c")
    return LightFiles(model, OnnxFiles(Path("text"), 384, {}, tower_sha256="d"))


@pytest.fixture
def vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with instructions for int8."""
    monkeypatch.setattr(choosing, "int8_instructions", lambda: "vnni")


@pytest.mark.usefixtures("vnni")
class TestOnAProcessorWithInstructions:
    @pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
    def test_int8_is_the_default(self, engine: str) -> None:
        why = "this processor has instructions for int8 (vnni)"
        assert choose(files(), Wish(engine)) == Choice("onnxruntime", "int8", why)

    @pytest.mark.parametrize("precision", ["int8", "float32"])
    @pytest.mark.parametrize("device", ["cpu", "cpu:0"])
    def test_a_precision_may_be_asked_for(self, precision: str, device: str) -> None:
        found = choose(files(), Wish(precision=precision, device=device))
        assert found == Choice("onnxruntime", precision, "it was asked for")

    def test_a_model_without_a_file_in_int8(self) -> None:
        assert choose(files(IMAGE), Wish()) == Choice("onnxruntime", "float32", "the model has no file in int8")
        with pytest.raises(FreeSegError, match="the model has no file in int8; leave --precision out"):
            choose(files(IMAGE), Wish(precision="int8"))


@pytest.mark.parametrize(
    ("instructions", "why"),
    [
        ("", "this processor has no instructions for int8"),
        (None, "it is not known whether this processor has instructions for int8"),
    ],
)
def test_without_instructions_float32_is_the_default(
    monkeypatch: pytest.MonkeyPatch, instructions: str | None, why: str
) -> None:
    monkeypatch.setattr(choosing, "int8_instructions", lambda: instructions)
    assert choose(files(), Wish()) == Choice("onnxruntime", "float32", why)


@pytest.mark.parametrize("instructions", ["", None])
def test_int8_can_be_asked_for_on_every_processor(monkeypatch: pytest.MonkeyPatch, instructions: str | None) -> None:
    monkeypatch.setattr(choosing, "int8_instructions", lambda: instructions)
    assert choose(files(), Wish(precision="int8")) == Choice("onnxruntime", "int8", "it was asked for")


@pytest.mark.parametrize(
    ("there", "wish", "why"),
    [
        (True, Wish("torch"), "PyTorch was asked for"),
        (True, Wish(mode="surgery"), "onnxruntime knows no dense modes"),
        (True, Wish(device="cuda"), "onnxruntime is used on the CPU only, not on cuda"),
        (True, Wish(device="cpu:x"), "onnxruntime is used on the CPU only, not on cpu:x"),
        (False, Wish(), "the model has no files for onnxruntime"),
        (True, Wish(precision="bfloat16"), "onnxruntime does not compute in bfloat16"),
    ],
)
def test_what_onnxruntime_cannot_do_is_done_in_pytorch(there: bool, wish: Wish, why: str) -> None:
    found = choose(files() if there else None, wish)
    assert (found.engine, found.precision) == ("torch", wish.precision or "float32")
    assert found.why.endswith(why)
    if wish.engine == "auto":
        asked = Wish("onnxruntime", wish.precision, wish.device, wish.mode)
        with pytest.raises(FreeSegError, match=f"{why}; leave --"):
            choose(files() if there else None, asked)
    if wish.precision is None:
        with pytest.raises(FreeSegError, match=f"int8 needs onnxruntime, but .*{why}; leave --precision"):
            choose(files() if there else None, Wish(wish.engine, "int8", wish.device, wish.mode))


def test_an_engine_that_is_none_is_refused() -> None:
    with pytest.raises(FreeSegError, match="no engine is called 'tensorflow'; there are: auto, onnxruntime, torch"):
        Wish.of("tensorflow", None, "cpu", None)
    assert Wish.of("auto", "fp32", "cpu", None).precision == "float32"
