"""Biases that make up for rounded weights, so that every channel keeps its mean ("bias correction", arXiv 1906.04721).

Rounding a weight shifts the output of its channel by the same amount everywhere, as far as the input has a mean; and
after a ReLU6 all inputs have one. The shift is known before anything is rounded, so the bias takes it back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from freeseg.engines.onnx_session import Session

LARGEST = 127  # of a weight in 8 bits
BIAS = 2  # the input of a convolution that is its bias


def correct_biases(
    proto: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], inputs: Sequence[tuple[Tensor, ...]]
) -> onnx.ModelProto:
    """The same graph, ready for convolutions to be rounded.

    Args:
        proto: The graph in float32.
        nodes: The convolutions that will be rounded. Those without a bias, or whose weights are no constants, stay as
            they are.
        inputs: The graph's inputs for some photos, over which means are taken.
    """
    corrected = onnx.ModelProto()
    corrected.CopyFrom(proto)
    constants = {each.name: each for each in corrected.graph.initializer}
    known = [node for node in nodes if len(node.input) > BIAS and {*node.input[1:]} <= constants.keys()]
    if not known:  # a transformer has no convolutions but the one that cuts the photo into patches
        return corrected
    means = input_means(proto, [node.input[0] for node in known], inputs)
    for node in known:
        bias = constants[node.input[BIAS]]
        shift = _shift(node, numpy_helper.to_array(constants[node.input[1]]), means[node.input[0]])
        bias.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(bias) - shift).astype(np.float32), bias.name))
    return corrected


def input_means(
    proto: onnx.ModelProto, names: Sequence[str], inputs: Sequence[tuple[Tensor, ...]]
) -> dict[str, NDArray[np.float64]]:
    """The mean of each channel of some values of a graph, (B, C, h, w) each, over photos.

    Args:
        proto: The graph.
        names: The values.
        inputs: The graph's inputs for each photo.

    Raises:
        FreeSegError: The graph does not run.
    """
    outputs = list(dict.fromkeys(names))
    told = onnx.ModelProto()
    told.CopyFrom(proto)
    told.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs)
    sums: dict[str, NDArray[np.float64]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "told.onnx"
        onnx.save(told, path)
        session = Session(path)
        for each in inputs:
            feeds = {name: value.numpy() for name, value in zip(session.inputs, each, strict=True)}
            for name, value in zip(outputs, session.session.run(outputs, feeds), strict=True):
                sums[name] = sums.get(name, 0.0) + value.mean(axis=(0, 2, 3), dtype=np.float64)
    return {name: total / len(inputs) for name, total in sums.items()}


def _shift(node: onnx.NodeProto, weight: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far rounding a convolution's weight (O, I / groups, kh, kw) per output channel shifts each of them."""
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    scale = np.where(largest > 0, largest, 1) / LARGEST
    error = (np.rint(weight / scale) * scale - weight).sum(axis=(2, 3))
    groups = next((each.i for each in node.attribute if each.name == "group"), 1)
    by_group = mean.reshape(groups, -1).repeat(len(weight) // groups, axis=0)  # (O, I / groups)
    shift: NDArray[np.float64] = (error * by_group).sum(axis=1)
    return shift
