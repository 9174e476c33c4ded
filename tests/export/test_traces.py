"""The traces that tests share: each is that of the very module, with its weights and options, and of no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import torch
from onnx import TensorProto, helper
from torch import nn

from traces import Program, Traces


class Exporter:
    """Stands for `torch.onnx.export`: a graph with one node, and how often it was asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, module: nn.Module, inputs: Any, **options: Any) -> Program:
        self.calls += 1
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", ends[:1], ends[1:])
        return Program(ir.from_proto(helper.make_model(graph)))


def module(**changes: Any) -> Any:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_the_same_is_traced_once(tmp_path: Path) -> None:
    exporter, inputs = Exporter(), (torch.zeros(3),)
    found = [Traces(tmp_path, exporter)(module(), inputs, optimize=True) for _ in range(2)]
    assert exporter.calls == 1
    for each in found:  # each has its own, to be changed
        assert [node.op_type for node in each.model.graph] == ["Relu"]
        onnx.checker.check_model(each.model_proto)
    assert found[0].model is not found[1].model


def test_what_differs_is_traced_anew(tmp_path: Path) -> None:
    exporter, inputs = Exporter(), (torch.zeros(3),)
    traces = Traces(tmp_path, exporter)
    traces(module(), inputs, optimize=True)
    other = module()
    with torch.no_grad():
        other[0].bias[1] += 1e-6
    traces(other, inputs, optimize=True)
    traces(module(), inputs, optimize=False)
    traces(module(), (torch.zeros(4),), optimize=True)
    traces(module(margin=0.1), inputs, optimize=True)
    traces(module().append(nn.ReLU()), inputs, optimize=True)
    assert exporter.calls == 6


def test_what_cannot_be_described_is_traced_each_time(tmp_path: Path) -> None:
    exporter = Exporter()
    for _ in range(2):
        Traces(tmp_path, exporter)(module(own=lambda x: x), (torch.zeros(3),))
    assert exporter.calls == 2
    assert list(tmp_path.iterdir()) == []
