"""The outlines of masks as polygons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageDraw
from scipy import ndimage

from freeseg.results.polygons import polygons

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.booleans())


def area(points: np.ndarray) -> float:
    x, y = points.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def drawn(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose middles are inside a polygon, by another program."""
    picture = Image.new("L", (8 * shape[1], 8 * shape[0]))
    ImageDraw.Draw(picture).polygon([(8 * x - 0.5, 8 * y - 0.5) for x, y in points], fill=1)
    return np.asarray(picture)[4::8, 4::8] > 0


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_each_part_has_an_outline_around_just_its_pixels_and_holes(mask: np.ndarray) -> None:
    parts, count = ndimage.label(mask)
    found = polygons(mask, tolerance=0)
    assert len(found) == count
    filled = [ndimage.binary_fill_holes(parts == number, np.ones((3, 3))) for number in range(1, count + 1)]
    assert sorted(map(area, found)) == sorted(float(part.sum()) for part in filled)
    assert [area(points) for points in found] == sorted(map(area, found), reverse=True)


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_only_corners_are_named(mask: np.ndarray) -> None:
    for points in polygons(mask, tolerance=0):
        steps = np.roll(points, -1, axis=0) - points
        assert ((steps == 0).sum(axis=1) == 1).all()  # along the sides of pixels ...
        straight = (steps[:, 0] == 0) == (np.roll(steps, -1, axis=0)[:, 0] == 0)
        assert not straight.any()  # ... and turning at each point


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_holes_are_left_open_where_they_are_asked_for(mask: np.ndarray) -> None:
    parts, count = ndimage.label(mask)
    found = polygons(mask, tolerance=0, holes=True)
    assert len(found) == count
    assert sorted(map(area, found)) == sorted(ndimage.sum_labels(mask, parts, range(1, count + 1)))


def test_a_ring_in_a_ring_is_drawn_as_it_was() -> None:
    distance = np.hypot(*(np.mgrid[:90, :90] - 45))
    mask = (distance < 8) | ((distance > 14) & (distance < 22)) | ((distance > 30) & (distance < 40))
    found = polygons(mask, holes=True, tolerance=0.5)
    assert len(found) == 3
    both = np.any([drawn(points, mask.shape) for points in found], axis=0)
    assert (both & mask).sum() / (both | mask).sum() > 0.95
    assert abs(sum(map(area, found)) / mask.sum() - 1) < 0.01
    [filled] = polygons(mask & (distance > 30))
    assert drawn(filled, mask.shape)[45, 45]


def test_holes_of_parts_that_are_left_out_are_left_out() -> None:
    mask = np.zeros((12, 20), np.bool_)
    mask[1:11, 1:11] = True
    mask[2:10, 2:10] = False
    mask[2:6, 14:18] = True
    assert [area(points) for points in polygons(mask, least_area=50, holes=True)] == [36]
    mask[2:10, 2:10] = True
    mask[4, 4] = False
    assert [area(points) for points in polygons(mask, least_area=50, holes=True)] == [100]  # so small a hole is filled


def test_a_shape_is_drawn_as_it_was() -> None:
    y, x = np.mgrid[:60, :80]
    mask = ((x - 40) ** 2 / 900 + (y - 30) ** 2 / 400 < 1) & ~((x > 35) & (x < 45) & (y > 40))
    [exact] = polygons(mask, tolerance=0)
    assert (drawn(exact, mask.shape) == mask).all()
    [rough] = polygons(mask, tolerance=1)
    assert len(rough) < len(exact) / 3
    both = drawn(rough, mask.shape)
    assert (both & mask).sum() / (both | mask).sum() > 0.95


def test_small_parts_can_be_left_out() -> None:
    mask = np.zeros((10, 10), np.bool_)
    mask[1:5, 1:5] = mask[8, 8] = True
    assert [area(points) for points in polygons(mask, least_area=2)] == [16]
    assert polygons(np.zeros((3, 3), np.bool_)) == []


def test_all_pixels() -> None:
    [points] = polygons(np.ones((3, 5), np.bool_))
    assert points.tolist() == [[0, 0], [5, 0], [5, 3], [0, 3]]


@pytest.mark.parametrize("tolerance", [0, 0.5, 1, 2, 5])
def test_no_point_of_the_outline_is_farther_away_than_the_tolerance(tolerance: float) -> None:
    mask = ndimage.gaussian_filter(np.random.default_rng(3).random((80, 90)), 5) > 0.5
    for exact, rough in zip(polygons(mask, tolerance=0), polygons(mask, tolerance=tolerance), strict=True):
        ends = np.roll(rough, -1, axis=0)
        along = ends - rough
        share = ((exact[:, None] - rough) * along).sum(-1) / (along**2).sum(-1)
        nearest = rough + np.clip(share, 0, 1)[..., None] * along
        assert np.sqrt(((exact[:, None] - nearest) ** 2).sum(-1)).min(1).max() <= tolerance + 1e-9
