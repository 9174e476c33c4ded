"""Masks as Label Studio has them, read as its own programs read them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from brushes import decoded
from freeseg.results.label_studio import brush_rle, polygon_points


@settings(max_examples=100, deadline=None)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.booleans()))
def test_a_brush_holds_the_mask(mask: np.ndarray) -> None:
    channels = decoded(brush_rle(mask)).reshape(*mask.shape, 4)
    assert ((channels == 255) == mask[..., None]).all()
    assert set(np.unique(channels)) <= {0, 255}


def test_long_runs() -> None:
    mask = np.zeros((300, 400), np.bool_)
    mask[10:290] = True
    assert (decoded(brush_rle(mask)).reshape(300, 400, 4)[..., 3] == 255 * mask).all()
    assert brush_rle(mask)[:6] == [0, 7, 83, 0, 57, 27]  # 480,000 values, of 8 bits, in runs of 3, 4, 8 and 16


def test_points_are_in_per_cent() -> None:
    mask = np.zeros((50, 200), np.bool_)
    mask[10:20, 100:150] = mask[30:50, 0:40] = True
    mask[0, 0] = True  # less than a thousandth: left out
    assert polygon_points(mask) == [
        [[0, 60], [20, 60], [20, 100], [0, 100]],
        [[50, 20], [75, 20], [75, 40], [50, 40]],
    ]


def test_a_part_that_is_alone_is_never_left_out() -> None:
    mask = np.zeros((100, 100), np.bool_)
    mask[3, 4] = True
    assert polygon_points(mask) == [[[4, 3], [5, 3], [5, 4], [4, 4]]]
