"""An ONNX file in onnxruntime: what it gives is numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

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
