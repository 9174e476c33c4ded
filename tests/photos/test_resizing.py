"""Sizes and resizing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from freeseg.photos import fit_short_side, resize, to_array
from pictures import COLOURS

sides = st.integers(1, 100_000)


@given(sides, sides, st.integers(1, 2000), st.floats(1, 50))
@example(4000, 3000, 480, 4.0)
@example(100_000, 1, 1, 1.0)
@example(1, 1, 1, 1.0)
@example(3, 1, 7, 3.0)
def test_fit_short_side(width: int, height: int, short: int, cap: float) -> None:
    got = fit_short_side((width, height), short, long_cap=cap)
    low, high = sorted((width, height))
    new_low, new_high = sorted(got)
    assert new_low >= 1
    assert (got[0] >= got[1]) == (width >= height) or new_high - new_low <= 1
    if high <= cap * low * (1 - 1e-9):
        assert new_low == short
    elif high >= cap * low * (1 + 1e-9):
        assert abs(new_high - cap * short) <= 0.5 + 1e-6
    assert new_low <= short
    assert new_high <= cap * short + 0.5 + 1e-6
    scale = min(short / low, cap * short / high)
    assert abs(new_high - high * scale) <= 0.5 + 1e-6
    assert abs(new_low - low * scale) <= 0.5 + 1e-6 or (new_low == 1 and low * scale < 0.5)


def test_fit_short_side_by_hand() -> None:
    assert fit_short_side((3000, 4000), 480) == (480, 640)
    assert fit_short_side((10, 20), 480) == (480, 960)  # enlarges too
    assert fit_short_side((100_000, 1), 10) == (40, 1)
    assert fit_short_side((400, 100), 10) == (40, 10)
    assert fit_short_side((401, 100), 10) == (40, 10)
    assert fit_short_side((1, 80_931), 1, long_cap=1.5) == (1, 2)  # a half, rounded to even
    assert fit_short_side((9000, 100), 10, long_cap=float("inf")) == (900, 10)


@pytest.mark.parametrize(
    ("size", "short", "cap"),
    [((0, 5), 4, 4.0), ((5, -1), 4, 4.0), ((5, 5), 0, 4.0), ((5, 5), 4, 0.5), ((5, 5), 4, np.nan)],
)
def test_fit_short_side_refuses_nonsense(size: tuple[int, int], short: int, cap: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fit_short_side(size, short, long_cap=cap)


def test_resize() -> None:
    flat = Image.new("RGB", (50, 40), (10, 200, 30))
    for size in [(5, 4), (50, 40), (111, 3), (1, 1)]:
        small = resize(flat, size)
        assert small.size == size
        assert np.array_equal(to_array(small), np.full((size[1], size[0], 3), (10, 200, 30)))
    assert resize(flat, (50, 40)) is not flat
    with pytest.raises(ValueError, match="both sides must be at least 1"):
        resize(flat, (0, 4))


@pytest.mark.parametrize("size", [(80, 60), (31, 23)])
def test_a_fast_resize_stays_close_to_plain_bicubic(size: tuple[int, int]) -> None:
    y, x = np.mgrid[0:480, 0:640]
    waves = np.dstack([127 + 90 * np.sin(x / 9 + y / 23), 127 + 90 * np.sin(x * y / 6000), 127 + 90 * np.cos(y / 3)])
    photo = Image.fromarray((waves + np.random.default_rng(2).normal(0, 12, waves.shape)).clip(0, 255).astype(np.uint8))
    plain = np.asarray(photo.resize(size, Image.Resampling.BICUBIC)).astype(int)
    difference = np.abs(to_array(resize(photo, size)) - plain)
    assert difference.max() <= 6
    assert difference.mean() <= 0.75


def test_to_array() -> None:
    picture = Image.fromarray(COLOURS)
    array = to_array(picture)
    assert array.dtype == np.uint8
    assert array.shape == (5, 7, 3)
    assert array.flags.writeable
    assert array.flags.c_contiguous
    array[:] = 0
    assert np.array_equal(to_array(picture), COLOURS)
    with pytest.raises(ValueError, match="got mode L"):
        to_array(Image.new("L", (2, 2)))
