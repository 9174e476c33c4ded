"""The connected parts of a mask: which pixels belong together, and the outline of each part.

Pixels are connected where they touch by their sides and have the same label. Parts are found from the runs of equal
pixels in each row, of which there are far fewer than pixels, without a library for images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from freeseg.results.polygons import Points, polygons, signed_area

TOLERANCE = 0.5  # pixels between a polygon and the mask's own outline
AREA_TOLERANCE = 0.01  # by which share of a part's pixels the area of its polygon may differ

Integers = npt.NDArray[np.int64]


class Parts(NamedTuple):
    """The parts of a mask, numbered from 1: label after label, of each label the largest part first.

    Attributes:
        numbers: (H, W) int32, the number of the part that a pixel belongs to, and 0 where it belongs to none.
        values: (N,) the mask value of each part.
        pixels: (N,) how many pixels each part has.
        boxes: (N, 4) left, top, width and height of each part.
    """

    numbers: npt.NDArray[np.int32]
    values: Integers
    pixels: Integers
    boxes: Integers

    def where(self, number: int) -> npt.NDArray[np.bool_]:
        """The pixels of a part, (H, W)."""
        return np.asarray(self.numbers == number)

    def outline(self, number: int, *, least_hole: float = 0.0) -> Points:
        """A part as one polygon of nearly the area of its pixels.

        It is at most `TOLERANCE` pixels from the pixels' own outline, and its area differs from them by at most
        `AREA_TOLERANCE`. A part for which that is too coarse gets the outline itself.

        Args:
            number: Of the part.
            least_hole: Holes of fewer pixels are filled, as long as the area still agrees.

        Returns:
            (P, 2) points (x, y) as `polygons` gives them, which goes to each hole, around it and back.
        """
        left, top, width, height = self.boxes[number - 1].tolist()
        where = self.numbers[top : top + height, left : left + width] == number
        pixels = int(self.pixels[number - 1])
        for tolerance, least in ((TOLERANCE, min(least_hole, pixels)), (TOLERANCE, 0.0), (0.0, 0.0)):
            [points] = polygons(where, tolerance=tolerance, least_area=least, holes=True)
            if abs(signed_area(points) - pixels) <= AREA_TOLERANCE * pixels:
                break
        return np.add(points, (left, top))

    def of_value(self, value: int) -> Iterator[int]:
        """The numbers of the parts with a mask value."""
        yield from (np.flatnonzero(self.values == value) + 1).tolist()


def find_parts(mask: npt.NDArray[Any], values: Sequence[int], *, least_pixels: float = 1) -> Parts:
    """The connected parts of a mask.

    Args:
        mask: (H, W).
        values: The mask values whose parts are looked for, in the order of the parts.
        least_pixels: Parts of fewer pixels are left out.

    Example:
        >>> parts = find_parts(np.array([[1, 1, 0, 2], [0, 0, 1, 2]], np.uint8), [1, 2])
        >>> parts.numbers.tolist(), parts.values.tolist(), parts.pixels.tolist()
        ([[1, 1, 0, 3], [0, 0, 2, 3]], [1, 1, 2], [2, 1, 2])
        >>> parts.boxes[2].tolist()
        [3, 0, 1, 2]
    """
    starts, ends, value_of_run = _runs(mask, values)
    above, below = _touching(starts, ends, value_of_run, width=mask.shape[1])
    roots, part_of_run = np.unique(_roots(len(starts), above, below), return_inverse=True)
    pixels = np.zeros(len(roots), np.int64)
    np.add.at(pixels, part_of_run, ends - starts)
    boxes = _boxes(starts, ends, part_of_run, count=len(roots), width=mask.shape[1])
    order_of_value = {value: place for place, value in enumerate(values)}
    places = np.array([order_of_value[value] for value in value_of_run[roots].tolist()], np.int64)
    order = np.lexsort((-pixels, places))
    order = order[pixels[order] >= least_pixels]
    number = np.zeros(len(roots), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    numbers = _painted(mask.shape, starts, ends, number[part_of_run])
    return Parts(numbers, value_of_run[roots][order], pixels[order], boxes[order])


def _runs(mask: npt.NDArray[Any], values: Sequence[int]) -> tuple[Integers, Integers, Integers]:
    """The runs of equal pixels in each row that have one of the values: their starts, their ends, and their values.

    Starts and ends count pixels row by row.
    """
    flat = np.ascontiguousarray(mask).ravel()
    changes = flat[1:] != flat[:-1]
    changes[mask.shape[1] - 1 :: mask.shape[1]] = True  # a run ends with its row
    starts = np.append(0, np.flatnonzero(changes) + 1)
    ends = np.append(starts[1:], flat.size)
    wanted = np.isin(flat[starts], np.asarray(values, mask.dtype))
    return starts[wanted], ends[wanted], flat[starts[wanted]].astype(np.int64)


def _touching(starts: Integers, ends: Integers, values: Integers, *, width: int) -> tuple[Integers, Integers]:
    """The pairs of runs of one value that touch: the places of those above, and of those below."""
    first = np.searchsorted(ends, starts - width, "right")
    counts = np.maximum(np.searchsorted(starts, ends - width, "left") - first, 0)
    below = np.repeat(np.arange(len(starts)), counts)
    above = np.arange(len(below)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    same = values[above] == values[below]
    return above[same], below[same]


def _roots(count: int, one: Integers, other: Integers) -> Integers:
    """For each of several things, the first one that it is connected with through pairs of them."""
    root = np.arange(count)
    while (root[one] != root[other]).any():
        low = np.minimum(root[one], root[other])
        np.minimum.at(root, root[one], low)
        np.minimum.at(root, root[other], low)
        while (root != (farther := root[root])).any():
            root = farther
    return root


def _boxes(starts: Integers, ends: Integers, part_of_run: Integers, *, count: int, width: int) -> Integers:
    rows, columns = np.divmod(starts, width)
    least = np.full((count, 2), np.iinfo(np.int64).max)
    most = np.zeros((count, 2), np.int64)
    np.minimum.at(least, part_of_run, np.column_stack([columns, rows]))
    np.maximum.at(most, part_of_run, np.column_stack([columns + ends - starts, rows + 1]))
    return np.hstack([least, most - least])


def _painted(
    shape: tuple[int, ...], starts: Integers, ends: Integers, numbers: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """A picture in which each run has its number, and everything else 0."""
    steps = np.zeros(int(np.prod(shape)) + 1, np.int32)
    steps[starts] += numbers  # no two runs begin, or end, at the same place
    steps[ends] -= numbers
    np.cumsum(steps, out=steps)
    return steps[:-1].reshape(shape)
