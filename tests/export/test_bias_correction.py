"""Biases that make up for rounded weights."""

from __future__ import annotations

from onnx import TensorProto, helper

from freeseg.export.bias_correction import correct_biases


def test_a_graph_without_convolutions_stays_as_it_is() -> None:
    """As of a transformer, whose only one is left in float32."""
    given, made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("given", "made"))
    graph = helper.make_graph([helper.make_node("Relu", ["given"], ["made"])], "graph", [given], [made])
    proto = helper.make_model(graph)
    assert correct_biases(proto, [], []) == proto
