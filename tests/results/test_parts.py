"""The connected parts of masks, against another program's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from freeseg.errors import FreeSegError
from freeseg.results.objects import Objects
from freeseg.results.parts import AREA_TOLERANCE, TOLERANCE, find_parts
from freeseg.results.polygons import polygons, signed_area

MASKS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(0, 3))


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_parts_are_what_touches_by_its_sides(mask: np.ndarray) -> None:
    parts = find_parts(mask, [3, 1])
    assert ((parts.numbers > 0) == np.isin(mask, [1, 3])).all()
    assert list(parts.values) == sorted(parts.values, reverse=True)  # in the order that was asked for
    for value in (3, 1):
        expected, count = ndimage.label(mask == value)
        numbers = list(parts.of_value(value))
        assert len(numbers) == count
        assert list(parts.pixels[np.array(numbers, int) - 1]) == sorted(np.bincount(expected.ravel())[1:], reverse=True)
        for number in numbers:
            where = parts.where(number)
            assert where.sum() == parts.pixels[number - 1]
            assert (where == (expected == expected[where][0])).all()
            rows, columns = np.nonzero(where)
            box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert parts.boxes[number - 1].tolist() == box


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_an_outline_has_the_area_of_its_pixels(mask: np.ndarray) -> None:
    parts = find_parts(mask, [0, 1, 2, 3])
    for number, pixels in enumerate(parts.pixels, start=1):
        for least_hole in (0, 5):
            assert abs(signed_area(parts.outline(number, least_hole=least_hole)) - pixels) <= AREA_TOLERANCE * pixels


def test_a_spiral_is_one_part() -> None:
    mask = np.zeros((41, 41), np.uint8)
    y, x, step, length = 40, 0, (-1, 0), 40
    while length > 0:
        for _ in range(length):
            mask[y, x] = 1
            y, x = y + step[0], x + step[1]
        step = step[1], -step[0]
        length -= 1 if step[0] else 2
    assert 300 < mask.sum() < 1_000
    assert len(find_parts(mask, [1]).pixels) == ndimage.label(mask)[1] == 1


def test_parts_that_are_too_small_are_left_out() -> None:
    mask = np.array([[1, 1, 0, 1], [1, 0, 0, 0]], np.uint8)
    parts = find_parts(mask, [1], least_pixels=2)
    assert parts.numbers.tolist() == [[1, 1, 0, 0], [1, 0, 0, 0]]
    assert len(find_parts(mask, [7]).values) == 0


def test_values_of_two_bytes_are_told_apart() -> None:
    parts = find_parts(np.array([[300, 44, 300]], np.uint16), [300])
    assert parts.numbers.tolist() == [[1, 0, 2]]


def test_an_outline_is_rough_where_the_area_allows_it_and_small_holes_are_filled() -> None:
    distance = np.hypot(*(np.mgrid[:200, :200] - 100))
    mask = ((distance < 80) & (distance > 0)).astype(np.uint8)  # a hole of one pixel
    parts = find_parts(mask, [1])
    [exact] = polygons(mask == 1, tolerance=0, least_area=2, holes=True)
    [rough] = polygons(mask == 1, tolerance=TOLERANCE, least_area=2, holes=True)
    assert len(parts.outline(1, least_hole=2)) == len(rough) < len(exact)
    assert len(parts.outline(1)) > len(rough)  # it goes to the hole


@pytest.mark.parametrize(("least", "pixels"), [(0, 0), (0.25, 50), (1, 1), (30, 30)])
def test_the_smallest_part_is_a_share_or_a_number_of_pixels(least: float, pixels: float) -> None:
    assert Objects(min_area=least).least_pixels(200) == pixels


@pytest.mark.parametrize("least", [-1, float("nan")])
def test_an_area_that_there_is_not(least: float) -> None:
    with pytest.raises(FreeSegError, match=r"^min_area is "):
        Objects(min_area=least)
