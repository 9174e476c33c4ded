"""Weights in 8 bits by blocks: how near they are, and that a graph with them does what it did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from freeseg.engines.onnx_session import Session
from freeseg.export.blocks import LARGEST, round_in_blocks, round_weights

ROWS, WIDTH = 96, 128


@given(arrays(np.float32, (3, 8), elements=st.floats(-100, 100, width=32)), st.sampled_from([2, 4, 8]))
def test_a_number_is_off_by_half_a_step_at_most(rows: NDArray[np.float32], block: int) -> None:
    blocks = round_in_blocks(rows, block)
    scales = np.repeat(blocks.scales, block, axis=1)
    assert np.abs(blocks.rounded).max() <= LARGEST
    assert (np.abs(blocks.rounded * scales - rows) <= scales * 0.5001 + 1e-30).all()


def test_a_block_of_zeros() -> None:
    assert not round_in_blocks(np.zeros((1, 4), np.float32), 4).rounded.any()


def graph(table: NDArray[np.float32], *matrices: NDArray[np.float32]) -> onnx.ModelProto:
    """Rows of a table, times one matrix after the other."""
    names = [f"matrix{number}" for number in range(len(matrices))]
    nodes = [helper.make_node("Gather", ["table", "ids"], ["x0"])]
    nodes += [helper.make_node("MatMul", [f"x{n}", name], [f"x{n + 1}"]) for n, name in enumerate(names)]
    tensors = dict(zip(("table", *names), (table, *matrices), strict=True))
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [None, None])],
        [helper.make_tensor_value_info(f"x{len(matrices)}", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(each, name) for name, each in tensors.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


def random(numbers: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return numbers.normal(size=shape).astype(np.float32)


def test_a_graph_gives_nearly_what_it_gave(tmp_path: Path, numbers: np.random.Generator) -> None:
    table, matrix = random(numbers, ROWS, WIDTH), random(numbers, WIDTH, 64)
    onnx.save(round_weights(graph(table, matrix)), tmp_path / "rounded.onnx")
    assert (tmp_path / "rounded.onnx").stat().st_size < 0.4 * (table.nbytes + matrix.nbytes)
    ids = np.array([[0, 5], [95, 5]])
    found, expected = Session(tmp_path / "rounded.onnx")(ids), table[ids] @ matrix
    assert found.shape == expected.shape
    cosines = (found * expected).sum(-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(expected, axis=-1)
    assert cosines.min() > 0.9995


@pytest.mark.parametrize("widths", [(100, 64), (24, 128)])
def test_what_blocks_do_not_fit_stays_as_it_is(numbers: np.random.Generator, widths: tuple[int, int]) -> None:
    first, second = widths  # no multiple of a block, and too small to matter
    proto = graph(random(numbers, 30, first), random(numbers, first, second))
    rounded = round_weights(proto)
    assert [each.op_type for each in rounded.graph.node] == ["Gather", "MatMul"]
    assert {each.name for each in rounded.graph.initializer} == {"table", "matrix0"}


def test_the_given_graph_is_not_changed(numbers: np.random.Generator) -> None:
    proto = graph(random(numbers, ROWS, WIDTH), random(numbers, WIDTH, 64))
    before = proto.SerializeToString()
    round_weights(proto)
    assert proto.SerializeToString() == before
