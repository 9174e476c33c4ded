"""Weights in 8 bits, rounded in small blocks that have a scale each: a quarter of the bytes, and near to the original.

Rounding by blocks is far finer than a scale for a whole matrix: an outlier coarsens only the few numbers beside it.
onnxruntime computes with such weights as they are (`MatMulNBits`, with 8 bits on every processor since 1.23), so that
loading a file takes no time for making them float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LARGEST = 127  # of a rounded number, on both sides
ZERO = 128  # what stands for 0 where numbers have no sign
MATRIX_BLOCK = 16  # numbers with a scale; activations are rounded by the same blocks
TABLE_BLOCK = 64
SMALL = 4096  # numbers; a table or a matrix of fewer is left as it is
INT8_ACTIVATIONS = 4  # onnxruntime's `accuracy_level`: activations are rounded as well, which is faster
FLOAT_ACTIVATIONS = 1  # they are not
MICROSOFT = "com.microsoft"  # the domain of onnxruntime's own operations


class Blocks(NamedTuple):
    """Rows of numbers, rounded.

    Attributes:
        rounded: (rows, columns), in -127..127.
        scales: (rows, columns / block), what 1 stands for.
    """

    rounded: NDArray[np.int8]
    scales: NDArray[np.float32]


def round_in_blocks(rows: NDArray[np.float32], block: int) -> Blocks:
    """Round rows (R, C) in blocks of a row; C must be a multiple of the block.

    Example:
        >>> blocks = round_in_blocks(np.array([[1.0, -0.5, 0.02, 0.015]], np.float32), 2)
        >>> blocks.rounded.tolist()
        [[127, -64, 127, 95]]
    """
    blocks = rows.reshape(len(rows), -1, block)
    largest = np.abs(blocks).max(axis=2, keepdims=True)
    scales = (np.where(largest > 0, largest, 1) / LARGEST).astype(np.float32)
    rounded = np.rint(blocks / scales).clip(-LARGEST, LARGEST).astype(np.int8)
    return Blocks(rounded.reshape(rows.shape), scales[:, :, 0])


def round_weights(proto: onnx.ModelProto, sensitive: Sequence[NDArray[np.float32]] = ()) -> onnx.ModelProto:
    """The same graph with its matrices and its tables of embeddings in 8 bits.

    Args:
        proto: A graph in float32, of which the second factor of a `MatMul`, and what a `Gather` looks up, may be
            weights. Other weights, and those whose width is no multiple of a block, stay as they are.
        sensitive: Those of its matrices (K, N) with which activations are multiplied as they are. Activations of the
            others are rounded as well, which is faster.
    """
    rounded = onnx.ModelProto()
    rounded.CopyFrom(proto)
    weights = {each.name: numpy_helper.to_array(each) for each in rounded.graph.initializer}
    done: set[str] = set()
    nodes, initializers = [], []
    for node in rounded.graph.node:
        place = {"MatMul": 1, "Gather": 0}.get(node.op_type)
        weight = weights.get(node.input[place]) if place is not None else None
        block = MATRIX_BLOCK if place == 1 else TABLE_BLOCK
        if weight is None or not _can_be_rounded(weight, block, axis=0 if place == 1 else 1):
            nodes.append(node)
            continue
        exact = any(np.array_equal(weight, each) for each in sensitive)
        level = FLOAT_ACTIVATIONS if exact else INT8_ACTIVATIONS
        own, tensors = _matrix(node, weight, level) if place == 1 else _table(node, weight)
        nodes.extend(own)
        name = node.input[place]
        initializers.extend([] if name in done else tensors)
        done.add(name)
    used = {name for node in nodes for name in node.input}
    initializers.extend(each for each in rounded.graph.initializer if each.name in used)
    del rounded.graph.node[:], rounded.graph.initializer[:]
    rounded.graph.node.extend(nodes)
    rounded.graph.initializer.extend(initializers)
    rounded.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return rounded


def _can_be_rounded(weight: NDArray[np.generic], block: int, *, axis: int) -> bool:
    right = weight.dtype == np.float32 and weight.ndim == 2 and weight.size >= SMALL
    return right and weight.shape[axis] % block == 0


Made = tuple[list[onnx.NodeProto], list[TensorProto]]


def _matrix(node: onnx.NodeProto, weight: NDArray[np.float32], level: int) -> Made:
    """A product with a matrix (K, N)."""
    inner, width = weight.shape
    blocks = round_in_blocks(np.ascontiguousarray(weight.T), MATRIX_BLOCK)
    unsigned = (blocks.rounded.astype(np.int16) + ZERO).astype(np.uint8).reshape(width, -1, MATRIX_BLOCK)
    rounded, scales = _names(node.input[1])
    product = helper.make_node(
        "MatMulNBits",
        [node.input[0], rounded, scales],
        list(node.output),
        name=node.name,
        domain=MICROSOFT,
        K=inner,
        N=width,
        bits=8,
        block_size=MATRIX_BLOCK,
        accuracy_level=level,
    )
    return [product], [numpy_helper.from_array(unsigned, rounded), numpy_helper.from_array(blocks.scales, scales)]


def _table(node: onnx.NodeProto, weight: NDArray[np.float32]) -> Made:
    """Rows of a table (V, D), looked up: the rounded rows, times the scales of their blocks."""
    blocks = round_in_blocks(weight, TABLE_BLOCK)
    rounded, scales = _names(node.input[0])
    tensors = [
        numpy_helper.from_array(blocks.rounded.reshape(len(weight), -1, TABLE_BLOCK), rounded),
        numpy_helper.from_array(blocks.scales[:, :, None], scales),
        numpy_helper.from_array(np.array([0, 0, weight.shape[1]]), f"{rounded}.shape"),
    ]
    return list(_look_up(node, rounded, scales)), tensors


def _look_up(node: onnx.NodeProto, rounded: str, scales: str) -> Iterator[onnx.NodeProto]:
    out = node.output[0]
    yield helper.make_node("Gather", [rounded, node.input[1]], [f"{out}.rounded"])
    yield helper.make_node("Gather", [scales, node.input[1]], [f"{out}.scales"])
    yield helper.make_node("Cast", [f"{out}.rounded"], [f"{out}.whole"], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [f"{out}.whole", f"{out}.scales"], [f"{out}.blocks"])
    yield helper.make_node("Reshape", [f"{out}.blocks", f"{rounded}.shape"], [out])


def _names(weight: str) -> tuple[str, str]:
    return f"{weight}.rounded", f"{weight}.scales"
