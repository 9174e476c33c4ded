"""Weights of a graph as float16, which compute in float32 all the same: half the file, and shared with a checkpoint.

A checkpoint of FreeSeg stores float16 (`models.checkpoint`). A graph that was traced from it holds the same numbers as
float32, so they need not be written twice: the graph refers to the bytes in `model.safetensors` (ONNX calls that
external data), and a Cast makes them float32. Runtimes do so once, when the file is loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, external_data_helper, helper, numpy_helper
from safetensors import SafetensorError, deserialize

from freeseg.errors import WeightsError, reason
from freeseg.export.tracing import EMBEDDER
from freeseg.files import parse_json

SMALL = 16  # numbers; a tensor of fewer is left as it is


class Stored(NamedTuple):
    """A float16 tensor in a file.

    Attributes:
        name: Its name.
        offset: Where its bytes begin.
        values: Its numbers in one row.
    """

    name: str
    offset: int
    values: NDArray[np.float16]


def stored_halves(path: Path) -> Iterator[Stored]:
    """The float16 tensors of a safetensors file.

    Raises:
        WeightsError: The file is missing or damaged.

    Example:
        >>> import tempfile
        >>> from safetensors.numpy import save_file
        >>> path = Path(tempfile.mkdtemp()) / "some.safetensors"
        >>> save_file({"half": np.ones(2, np.float16), "whole": np.ones(2, np.float32)}, path)
        >>> [(each.name, each.values.tolist()) for each in stored_halves(path)]
        [('half', [1.0, 1.0])]
    """
    try:
        content = path.read_bytes()
        deserialize(content)  # type: ignore[no-untyped-call]  # checks the header, which tells no places to Python
        start = 8 + int.from_bytes(content[:8], "little")  # the header's length, and the header
        header = parse_json(content[8:start])
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read ({reason(error)}); write the model again") from error
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F16":
            begin, end = (start + each for each in entry["data_offsets"])
            yield Stored(name, begin, np.frombuffer(content[begin:end], np.float16))


class Halved(NamedTuple):
    """A graph whose weights are stored as float16.

    Attributes:
        proto: The graph.
        exact: Whether its weights are what they were.
    """

    proto: onnx.ModelProto
    exact: bool


def halve(proto: onnx.ModelProto, checkpoint: Path) -> Halved:
    """The same graph with its weights stored as float16.

    What a checkpoint stores as it is stays there. Other tensors with two or more axes are rounded to float16 and stay
    in the graph; what is in one row (biases) is small, and stays as it is.

    Args:
        proto: The graph in float32, from `tracing.trace`.
        checkpoint: A safetensors file, in whose folder the graph will be.

    Returns:
        A new graph. It can be run from the checkpoint's folder only, if it refers to the checkpoint.
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(proto)
    stored = defaultdict(list)
    for each in stored_halves(checkpoint):
        stored[each.values.size].append(each)
    casts, initializers, exact = [], [], True
    for initializer in halved.graph.initializer:
        half = _as_half(initializer, stored, checkpoint.name)
        if half is None:
            initializers.append(initializer)
            continue
        exact &= half.data_location == TensorProto.EXTERNAL or _same(half, initializer)
        half.name = f"{initializer.name}.half"
        initializers.append(half)
        name = f"{EMBEDDER}{initializer.name}.cast"
        casts.append(helper.make_node("Cast", [half.name], [initializer.name], name=name, to=TensorProto.FLOAT))
    nodes = [*casts, *halved.graph.node]
    del halved.graph.initializer[:], halved.graph.node[:]
    halved.graph.initializer.extend(initializers)
    halved.graph.node.extend(nodes)
    return Halved(halved, exact)


def _as_half(tensor: TensorProto, stored: dict[int, list[Stored]], location: str) -> TensorProto | None:
    """A tensor as float16, without a name; None where it stays float32."""
    if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL:
        return None
    values = numpy_helper.to_array(tensor)
    for each in stored.get(values.size, []):
        if np.array_equal(each.values.astype(np.float32), values.ravel()):
            half = TensorProto(data_type=TensorProto.FLOAT16, dims=tensor.dims, raw_data=b"")
            external_data_helper.set_external_data(half, location, offset=each.offset, length=each.values.nbytes)
            half.ClearField("raw_data")
            return half
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float16)
    return numpy_helper.from_array(rounded) if values.ndim > 1 and np.isfinite(rounded).all() else None


def _same(half: TensorProto, whole: TensorProto) -> bool:
    return np.array_equal(numpy_helper.to_array(half).astype(np.float32), numpy_helper.to_array(whole))
