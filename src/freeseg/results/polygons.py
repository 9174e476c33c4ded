"""The outlines of a mask as polygons, for tools that draw with points."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
_PAIRS = 1 << 18  # of points that are compared at a time, so that memory does not grow with their product
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up


def polygons(
    where: npt.NDArray[np.bool_], *, tolerance: float = 1.0, least_area: float = 0.0, holes: bool = False
) -> list[Points]:
    """The outline of each part of a mask whose pixels touch by their sides.

    The points are corners of pixels: (0, 0) is the top left of the mask, and (W, H) its bottom right.

    Args:
        where: (H, W).
        tolerance: How far a polygon may be from the pixels' own outline, in pixels; 0 for that outline itself.
        least_area: Parts of fewer pixels than this are left out, and holes of fewer are filled.
        holes: Whether holes are left open; if not, they are filled. A polygon then goes from its outline to each hole,
            around it and back along the same line, since most formats know no holes.

    Returns:
        (P, 2) points (x, y) for each part, clockwise, the largest part first; the last point joins the first.

    Example:
        >>> [square] = polygons(np.array([[False, True], [False, False]]))
        >>> square.tolist()
        [[1.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0]]
    """
    loops = [(signed_area(loop), loop) for loop in _loops(where)]  # holes go round the other way
    kept = sorted((each for each in loops if abs(each[0]) >= least_area), key=lambda each: -each[0])
    outer = [loop for area, loop in kept if area > 0]
    found = [simplified(loop, tolerance) for loop in outer]
    for hole in [loop for area, loop in kept if area < 0 and holes]:
        around = [number for number, loop in enumerate(outer) if _is_inside(_beside(hole), loop)]
        if around:  # its part may have been left out; of several, the smallest one is the part that has the hole
            found[around[-1]] = _joined(found[around[-1]], simplified(hole, tolerance))
    return found


def signed_area(loop: Points) -> float:
    """The area inside a loop, positive for one that goes clockwise, where y grows downwards.

    Example:
        >>> signed_area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]))
        2.0
    """
    x, y = loop.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _loops(where: npt.NDArray[np.bool_]) -> list[Points]:
    """The closed lines between pixels inside and outside, with the inside on the right; corners only."""
    leaving = _leaving(where)
    loops = []
    while leaving:
        start = next(iter(leaving))
        x, y = start
        before, corners = -1, []
        while True:
            directions = leaving[x, y]
            # Where two parts meet at a corner, to turn right stays with this one.
            direction = directions[0] if len(directions) == 1 else _rightmost(directions, before)
            directions.remove(direction)
            if not directions:
                del leaving[x, y]
            if direction != before:
                corners.append((x, y))
            x, y, before = x + _STEPS[direction][0], y + _STEPS[direction][1], direction
            if (x, y) == start and (x, y) not in leaving:
                break
            if (x, y) == start and _rightmost(leaving[x, y], before) != (before + 1) % 4:
                break
        loops.append(np.array(corners, np.float64))
    return loops


def _leaving(where: npt.NDArray[np.bool_]) -> dict[tuple[int, int], list[int]]:
    """The directions of the sides of pixels that begin at each corner, where one side is inside and the other not."""
    inside = np.pad(where, 1)
    middle = inside[1:-1, 1:-1]
    sides = (
        (middle & ~inside[:-2, 1:-1], 0, 0),  # the top of a pixel, from its left to its right
        (middle & ~inside[1:-1, 2:], 1, 0),
        (middle & ~inside[2:, 1:-1], 1, 1),
        (middle & ~inside[1:-1, :-2], 0, 1),
    )
    leaving: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for direction, (has_side, right, down) in enumerate(sides):
        rows, columns = np.nonzero(has_side)
        for x, y in zip((columns + right).tolist(), (rows + down).tolist(), strict=True):
            leaving[x, y].append(direction)
    return dict(leaving)


def _rightmost(directions: list[int], before: int) -> int:
    """Of two directions, the one to the right of the way that was come."""
    right = (before + 1) % 4
    return right if right in directions else directions[0]


def _beside(loop: Points) -> Points:
    """The middle of a pixel inside the mask, at the first side of a loop."""
    along = np.sign(loop[1] - loop[0])
    return np.asarray(loop[0] + 0.5 * along + 0.5 * np.array([-along[1], along[0]]))


def _is_inside(point: Points, loop: Points) -> bool:
    """Whether a point that is on no side of a loop is inside it: a ray to the right then crosses it oddly often."""
    (x, y), after = point, np.roll(loop, -1, axis=0)
    crossed = (loop[:, 1] > y) != (after[:, 1] > y)  # the sides of a loop of pixels are upright or level
    return bool((crossed & (loop[:, 0] > x)).sum() % 2)


def _joined(outline: Points, hole: Points) -> Points:
    """An outline that goes to a hole, around it and back."""
    start, first = _nearest(outline, hole)
    around = np.vstack([hole[first:], hole[: first + 1]])
    return np.vstack([outline[: start + 1], around, outline[start:]])


def _nearest(outline: Points, hole: Points) -> tuple[int, int]:
    """The places of the two points, one of each line, that are nearest to each other."""
    best, start, first = np.inf, 0, 0
    step = max(1, _PAIRS // len(hole))
    for place in range(0, len(outline), step):
        between = ((outline[place : place + step, None] - hole[None]) ** 2).sum(axis=-1)
        least = int(between.argmin())
        if between.flat[least] < best:
            best = between.flat[least]
            start, first = place + least // len(hole), least % len(hole)
    return start, first


def simplified(loop: Points, tolerance: float) -> Points:
    """A loop with as few of its points as stay within a tolerance (Douglas and Peucker).

    Args:
        loop: (P, 2) points; the last joins the first.
        tolerance: How far a point that is left out may be from the line, in the unit of the points.

    Example:
        >>> loop = np.array([[0, 0], [2, 0.1], [4, 0], [4, 4], [0, 4]])
        >>> simplified(loop, 0.5).tolist()
        [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]
    """
    if tolerance <= 0 or len(loop) < 4:
        return loop
    far = int(((loop - loop[0]) ** 2).sum(axis=1).argmax())
    closed = np.vstack([loop, loop[:1]])
    kept = np.zeros(len(closed), np.bool_)
    kept[[0, far, -1]] = True
    waiting = [(0, far), (far, len(closed) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        distance = _distances(closed[first + 1 : last], closed[first], closed[last])
        worst = int(distance.argmax())
        if distance[worst] > tolerance:
            middle = first + 1 + worst
            kept[middle] = True
            waiting += [(first, middle), (middle, last)]
    return closed[:-1][kept[:-1]] if kept[:-1].sum() > 2 else loop  # a part that is thinner than the tolerance


def _distances(points: Points, start: Points, end: Points) -> Points:
    """How far points are from the line through two others."""
    along = end - start
    length = float(np.hypot(*along))
    if length == 0:
        return np.asarray(np.hypot(*(points - start).T))
    across = points - start
    return np.asarray(np.abs(along[0] * across[:, 1] - along[1] * across[:, 0]) / length)
