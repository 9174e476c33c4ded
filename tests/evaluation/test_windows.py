"""Windows cover every pixel; merged maps equal a literal mean over windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freeseg.evaluation.windows import merge, windows

sides = st.integers(1, 60)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[tuple[int, int], int, int]:
    window = draw(st.integers(1, 40))
    return (draw(sides), draw(sides)), window, draw(st.integers(1, window))


class TestWindows:
    @given(layouts())
    def test_they_cover_every_pixel_and_leave_no_photo(self, layout: tuple[tuple[int, int], int, int]) -> None:
        (height, width), window, stride = layout
        seen = np.zeros((height, width), int)
        for top, left in windows((height, width), window, stride):
            assert 0 <= top <= max(0, height - window)
            assert 0 <= left <= max(0, width - window)
            seen[top : top + window, left : left + window] += 1
        assert seen.min() >= 1

    @given(layouts())
    def test_no_two_are_the_same(self, layout: tuple[tuple[int, int], int, int]) -> None:
        corners = windows(*layout)
        assert len(set(corners)) == len(corners)
        assert corners == sorted(corners)

    def test_where_published_code_puts_them(self) -> None:
        """SCLIP on a photo of 500 x 375, resized to 448 x 336: 2 rows of 3, as mmsegmentation's formula counts."""
        size, window, stride = (336, 448), 224, 112
        rows, columns = (max(side - window + stride - 1, 0) // stride + 1 for side in size)
        assert len(windows(size, window, stride)) == rows * columns == 6

    def test_the_last_is_shifted_inward(self) -> None:
        assert windows((224, 300), 224, 112) == [(0, 0), (0, 76)]

    def test_a_photo_smaller_than_a_window(self) -> None:
        assert windows((5, 9), 20, 3) == [(0, 0)]

    def test_no_window_is_the_whole_photo(self) -> None:
        assert windows((500, 300), 0, 0) == [(0, 0)]

    @pytest.mark.parametrize("stride", [0, -1, 11])
    def test_gaps_are_refused(self, stride: int) -> None:
        with pytest.raises(ValueError, match="stride"):
            windows((50, 50), 10, stride)


def bilinear(grid: np.ndarray, y: float, x: float) -> float:
    """A grid's value at patch coordinates (0 is the first patch's centre), the border repeated."""
    y, x = (min(max(place, 0.0), side - 1.0) for place, side in zip((y, x), grid.shape, strict=True))
    top, left = int(y), int(x)
    below, right = min(top + 1, grid.shape[0] - 1), min(left + 1, grid.shape[1] - 1)
    dy, dx = y - top, x - left
    upper = grid[top, left] * (1 - dx) + grid[top, right] * dx
    lower = grid[below, left] * (1 - dx) + grid[below, right] * dx
    return float(upper * (1 - dy) + lower * dy)


class TestMerge:
    @settings(max_examples=40, deadline=None)
    @given(layouts(), st.integers(1, 7), st.integers(0, 2**31))
    def test_equals_a_loop(self, layout: tuple[tuple[int, int], int, int], patch: int, seed: int) -> None:
        size, window, stride = layout
        random = np.random.default_rng(seed)
        corners = windows(size, window, stride)
        seen = [min(window, side) for side in size]
        parts = [random.random([2, *(math.ceil(side / patch) for side in seen)], np.float32) for _ in corners]
        grid = tuple(math.ceil(side / patch) for side in size)
        merged = merge(parts, corners, window, size, grid)
        wanted = np.zeros((2, *grid))
        for channel, row, column in np.ndindex(2, *grid):
            y, x = (row + 0.5) * size[0] / grid[0], (column + 0.5) * size[1] / grid[1]
            values = []
            for part, (top, left) in zip(parts, corners, strict=True):
                if top <= y < top + seen[0] and left <= x < left + seen[1]:
                    h, w = part.shape[1:]
                    values.append(
                        bilinear(part[channel], (y - top) / seen[0] * h - 0.5, (x - left) / seen[1] * w - 0.5)
                    )
            wanted[channel, row, column] = np.mean(values)
        np.testing.assert_allclose(merged, wanted, rtol=0, atol=1e-5)
        assert merged.shape == wanted.shape

    @pytest.mark.parametrize("window", [32, 48, 64])
    def test_windows_on_whole_patches_of_one_map_give_that_map(self, window: int) -> None:
        whole = np.random.default_rng(0).random((3, 4, 6), np.float32)
        corners, n = windows((64, 96), window, 16), window // 16
        parts = [whole[:, y // 16 : y // 16 + n, x // 16 : x // 16 + n] for y, x in corners]
        np.testing.assert_allclose(merge(parts, corners, window, (64, 96), (4, 6)), whole, atol=1e-6)

    def test_a_smooth_map_is_hardly_changed_by_windows_off_the_grid(self) -> None:
        def slope(length: int, start: float, side: int) -> np.ndarray:
            return (start + (np.arange(length) + 0.5) * side / length).astype(np.float32)

        corners = windows((40, 100), 40, 30)
        parts = [np.tile(slope(5, left, 40), (1, 5, 1)) for _, left in corners]
        merged = merge(parts, corners, 40, (40, 100), (5, 13))
        np.testing.assert_allclose(merged[0, 0, 1:-1], slope(13, 0, 100)[1:-1], atol=4.0)  # half a patch
