"""COCO's compressed RLE against pycocotools: what it writes, and what it reads of ours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from freeseg.results.rle import encode, encode_values

coco_mask = pytest.importorskip("pycocotools.mask")

EDGE_CASES = {
    "zeros": np.zeros((5, 7), bool),
    "ones": np.ones((5, 7), bool),
    "one pixel off": np.zeros((1, 1), bool),
    "one pixel on": np.ones((1, 1), bool),
    "column": np.array([[1], [0], [1], [1]], bool),
    "row": np.array([[0, 1, 1, 0, 1]], bool),
    "checkerboard": np.indices((9, 6)).sum(0) % 2 == 0,
    "long runs": np.repeat([[False, True, False, True, True]], 40_000, axis=0),
    "falling runs": np.repeat([0, 1] * 6, [5000, 900, 31, 32, 33, 1, 15, 16, 17, 1023, 1024, 8]).astype(bool)[:, None],
}


def of_pycocotools(mask):
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": rle["size"], "counts": rle["counts"].decode("ascii")}


@pytest.mark.parametrize("name", EDGE_CASES)
def test_edge_cases_agree_with_pycocotools(name):
    mask = EDGE_CASES[name]
    assert encode(mask) == of_pycocotools(mask)


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
@settings(max_examples=150, deadline=None)
def test_any_mask_agrees_with_pycocotools(mask):
    assert encode(mask) == of_pycocotools(mask)
    assert np.array_equal(coco_mask.decode(encode(mask)), mask)


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]), hnp.array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 4)
    ),
    st.permutations(range(6)),
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
)
@settings(max_examples=150, deadline=None)
def test_values_in_one_pass_are_those_one_by_one(mask, values, enlarged):
    """Value 5 is never there; a mask of some size has runs of several characters."""
    mask = np.kron(mask, np.ones(enlarged, mask.dtype))
    assert encode_values(mask, values) == [of_pycocotools(mask == value) for value in values]


def test_no_values_have_no_runs():
    assert encode_values(np.zeros((3, 4), np.uint8), []) == []


@given(st.lists(st.integers(1, 70_000), min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_runs_of_any_length_agree_with_pycocotools(runs):
    """Long runs need several characters and differences of both signs, which small masks never reach."""
    mask = np.repeat(np.arange(len(runs)) % 2 == 1, runs)[:, None]
    assert encode(mask) == of_pycocotools(mask)
    assert np.array_equal(coco_mask.decode(encode(mask)), mask)


def test_size_is_plain_integers():
    assert all(type(side) is int for side in encode(np.ones((3, 4), bool))["size"])


@pytest.mark.parametrize(
    "mask",
    [np.ones((2, 2), np.uint8), np.ones(4, bool), np.ones((1, 2, 2), bool), np.ones((0, 4), bool)],
    ids=["uint8", "1-D", "3-D", "empty"],
)
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(ValueError, match="bool with at least one pixel"):
        encode(mask)
