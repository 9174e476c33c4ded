"""Where windows lie, and what they see of the picture's cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freeseg.large.blending import Blend
from freeseg.large.layout import Axis


@given(side=st.integers(1, 5000), window=st.integers(64, 1024), share=st.floats(0, 0.49))
def test_windows_cover_a_side_and_overlap(side: int, window: int, share: float) -> None:
    overlap = int(share * window)
    axis = Axis.of(side, window, overlap)
    ends = [start + axis.window for start in axis.starts]
    assert axis.starts[0] == 0
    assert ends[-1] == side
    shared = [end - start for end, start in zip(ends, axis.starts[1:], strict=False)]
    assert all(each >= overlap for each in shared)
    fewer = len(axis.starts) - 1
    assert not fewer or window + (fewer - 1) * (window - overlap) < side  # one window less would not do


def test_cells_of_a_window_lie_where_its_own_do() -> None:
    axis = Axis.of(30, 20, 10)  # two windows, which begin at 0 and 10
    first, second = axis.view(0, 2), axis.view(1, 2)
    assert axis.cells(2) == 3
    assert (first.where, second.where) == (slice(0, 2), slice(1, 3))
    for view in (first, second):
        assert view.sources.first.tolist() == [0, 1]
        assert not view.sources.share.any()


def test_a_window_counts_less_where_another_sees_better() -> None:
    first, second = (Axis.of(30, 20, 10).view(place, 20).weights for place in (0, 1))
    assert first[:10].tolist() == [1] * 10
    np.testing.assert_allclose(first[10:], np.arange(9.5, 0, -1) / 10, rtol=1e-6)
    assert second.tolist() == first[::-1].tolist()


def test_nothing_jumps_where_a_window_ends() -> None:
    rows, columns = Axis.of(64, 64, 0), Axis.of(160, 64, 16)
    blend = Blend(rows, columns, (1, 64, 64))
    for column in range(len(columns.starts)):
        blend.add(0, column, np.full((1, 64, 64), column % 2, np.float32))  # windows that disagree all over
    line = blend.take(0, 64)[0, 32]
    assert (line.min(), line.max()) == (0, 1)
    assert np.abs(np.diff(line)).max() <= 1.01 / 16


@pytest.mark.parametrize("window", [40, 64])
def test_rows_come_out_one_after_the_other_as_all_at_once(window: int) -> None:
    rng = np.random.default_rng(0)
    rows, columns = Axis.of(150, window, 16), Axis.of(100, window, 16)
    parts, whole = (Blend(rows, columns, (2, 8, 8)) for _ in range(2))
    taken, start = [], 0
    for row in range(len(rows.starts)):
        for column in range(len(columns.starts)):
            maps = rng.random((2, 8, 8), np.float32)
            parts.add(row, column, maps)
            whole.add(row, column, maps)
        taken.append(parts.take(start, parts.is_done(row)))
        start = parts.is_done(row)
    assert start == rows.cells(8)
    np.testing.assert_array_equal(np.concatenate(taken, axis=1), whole.take(0, start))
