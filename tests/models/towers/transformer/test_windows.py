"""Windows over long images."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from freeseg.models.towers.transformer.windows import features_by_windows, window_length, window_starts


@given(st.integers(1, 300), st.integers(1, 60))
def test_windows_cover_a_side_and_overlap_by_half(side: int, length: int) -> None:
    found = window_starts(side, length)
    if side <= length:
        assert found == [0]
        return
    assert found[0] == 0
    assert found[-1] == side - length
    assert all(0 <= b - a <= length / 2 + 1 for a, b in pairwise(found))
    covered = {cell for start in found for cell in range(start, start + length)}
    assert covered == set(range(side))


@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 6))
def test_features_that_do_not_depend_on_the_window_come_out_as_they_are(rows: int, columns: int, native: int) -> None:
    pixels = torch.arange(2 * 3 * rows * columns, dtype=torch.float32).reshape(2, 3, rows, columns)
    seen: list[torch.Size] = []

    def see(part: torch.Tensor) -> torch.Tensor:
        seen.append(part.shape[2:])
        return part + 1

    torch.testing.assert_close(features_by_windows(see, pixels, patch=1, native=native), pixels + 1)
    assert all(max(size) <= window_length((rows, columns), native=native) for size in seen)
    assert len(set(seen)) == 1
