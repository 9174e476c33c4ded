"""An ONNX file in onnxruntime: what it gives is numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from freeseg.engines import onnx_session
from freeseg.engines.onnx_session import Session
from freeseg.errors import FreeSegError


def divider(path: Path) -> Session:
    """A file that divides its first input by its second."""
    inputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"]) for name in ("first", "second")]
    output = onnx.helper.make_tensor_value_info("share", onnx.TensorProto.FLOAT, ["n"])
    node = onnx.helper.make_node("Div", ["first", "second"], ["share"])
    graph = onnx.helper.make_graph([node], "divider", inputs, [output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return Session(path)


def test_values_that_are_no_numbers_name_the_file(tmp_path: Path) -> None:
    session = divider(tmp_path / "divider.onnx")
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    assert session(zero, one).tolist() == [0]
    for top in (one, zero):  # infinity, and NaN
        with pytest.raises(FreeSegError, match=r"divider\.onnx gives values that are no numbers .*; export it again"):
            session(top, zero)


def eight_bit_product(path: Path, values: int) -> Session:
    """A file that multiplies a row of so many uint8 by a matrix of int8, as files in 8 bits do."""
    helper, types = onnx.helper, onnx.TensorProto
    weights = np.full((values, 16), 127, np.int8)
    constants = [
        onnx.numpy_helper.from_array(value, name)
        for name, value in (
            ("weights", weights),
            ("scale", np.float32(1)),
            ("unsigned_zero", np.uint8(0)),
            ("signed_zero", np.int8(0)),
            ("product_scale", np.float32(2**16)),
        )
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["row", "scale", "unsigned_zero"], ["rounded"]),
        helper.make_node(
            "QLinearMatMul",
            ["rounded", "scale", "unsigned_zero", "weights", "scale", "signed_zero", "product_scale", "unsigned_zero"],
            ["product"],
        ),
        helper.make_node("DequantizeLinear", ["product", "product_scale", "unsigned_zero"], ["sums"]),
    ]
    row = helper.make_tensor_value_info("row", types.FLOAT, [1, values])
    sums = helper.make_tensor_value_info("sums", types.FLOAT, [1, 16])
    graph = helper.make_graph(nodes, "eight_bits", [row], [sums], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return Session(path)


def test_sums_of_8_bit_products_do_not_overflow_on_any_processor(tmp_path: Path) -> None:
    session = eight_bit_product(tmp_path / "eight.onnx", 64)
    # 64 * 255 * 127 is 31.6 times 2**16, the step of the output; sums cut at 16 bits would give half of it.
    assert session(np.full((1, 64), 255, np.float32)).tolist() == [[32 * 2**16] * 16]


@pytest.mark.parametrize(("instructions", "guarded"), [("avx512_vnni", False), ("", True), (None, True)])
def test_only_processors_that_need_it_add_up_in_32_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instructions: str | None, guarded: bool
) -> None:
    """It takes twice the time elsewhere."""
    monkeypatch.setattr(onnx_session, "int8_instructions", lambda: instructions)
    options = divider(tmp_path / "divider.onnx").session.get_session_options()
    if guarded:
        assert options.get_session_config_entry("session.x64quantprecision") == "1"
    else:
        with pytest.raises(RuntimeError):
            options.get_session_config_entry("session.x64quantprecision")


def test_onnxruntime_keeps_nothing_of_its_own_on_the_disk(tmp_path: Path) -> None:
    """It would keep an identity of the machine and reports for its maker."""
    code = "import freeseg, numpy; freeseg.load(engine='onnxruntime').segment(numpy.zeros((9, 9, 3), 'uint8'), 'cat')"
    unset = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HOME": str(tmp_path), "FREESEG_CACHE": "off"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
