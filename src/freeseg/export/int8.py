"""A graph in 8 bits: weights are rounded per channel, activations by the range that they take on photos (static QDQ).

Only the embedder is rounded, but for its first convolutions. The decision compares cosines that differ in the second
digit, and takes little time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import Tensor

from freeseg.errors import OutputError, reason
from freeseg.export.bias_correction import correct_biases
from freeseg.export.tracing import EMBEDDER, quiet

# The operations between two convolutions are among them. Otherwise values would be rounded before they are clipped,
# over a wider range than they have afterwards.
ROUNDED = ["Conv", "MatMul", "Gemm", "Clip", "Relu", "Concat", "Pad", "Transpose", "Resize"]

# The first convolutions see few channels, of very different ranges, and everything else sees their errors: in float32
# they cost no time that can be measured (experiments/light_files.py).
KEPT = 3


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """The inputs of a graph, one photo at a time, in the form that onnxruntime asks for."""

    def __init__(self, names: list[str], inputs: Iterable[tuple[Tensor, ...]]):
        self.names, self.inputs = names, iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next photo's inputs, by name; None after the last."""
        inputs = next(self.inputs, None)
        return None if inputs is None else {n: each.numpy() for n, each in zip(self.names, inputs, strict=True)}


def quantise(proto: onnx.ModelProto, inputs: Sequence[tuple[Tensor, ...]]) -> onnx.ModelProto:
    """The same graph with the embedder in 8 bits.

    Args:
        proto: The graph in 32 bits, from `tracing.trace`.
        inputs: Its inputs for some photos. They show over which range each activation varies, and its mean.

    Raises:
        OutputError: The folder for temporary files cannot be written, or its disk is full.
    """
    decision = [node.name for node in proto.graph.node if not node.name.startswith(EMBEDDER)]
    convolutions = [node for node in proto.graph.node if node.op_type == "Conv" and node.name.startswith(EMBEDDER)]
    try:
        corrected = correct_biases(proto, convolutions[KEPT:], inputs)
        return _round(corrected, [*decision, *(node.name for node in convolutions[:KEPT])], inputs)
    except OSError as error:
        cause = f"cannot write to {tempfile.gettempdir()}: {reason(error)}"
        raise OutputError(f"{cause}; free space there, or set TMPDIR to another folder") from error


def _round(proto: onnx.ModelProto, left_out: list[str], inputs: Iterable[tuple[Tensor, ...]]) -> onnx.ModelProto:
    """Round all nodes but those that are left out."""
    names = [each.name for each in proto.graph.input]
    with tempfile.TemporaryDirectory() as folder, quiet():
        whole, rounded = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(proto, whole)  # a model that is given in memory loses its weights to a file
        quantize_static(
            whole,
            rounded,
            _Photos(names, inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=ROUNDED,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=left_out,
            extra_options={"CalibMovingAverage": True},  # the mean over photos: a rare value coarsens no others
        )
        return onnx.load(rounded)
