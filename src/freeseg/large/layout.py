"""Where windows lie on a picture, and the one grid of cells that all of them share."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import Sources

_LEAST_WEIGHT = 1e-3  # of a cell at a window's edge: where no other window sees it, it still counts


class Axis(NamedTuple):
    """One axis of a picture, with the windows along it.

    Attributes:
        side: Pixels of the picture.
        window: Pixels of a window, at most `side`.
        overlap: Pixels that neighbouring windows share at least.
        starts: The first pixel of each window, ascending.
    """

    side: int
    window: int
    overlap: int
    starts: tuple[int, ...]

    @classmethod
    def of(cls, side: int, window: int, overlap: int) -> Axis:
        """The fewest windows that cover a side, evenly spread.

        Args:
            side: Pixels of the picture.
            window: Pixels of a window; a shorter side has one window of its own length.
            overlap: Pixels that neighbouring windows share at least, below `window`.

        Example:
            >>> Axis.of(2500, 1024, 256).starts, Axis.of(500, 1024, 256)[1:]
            ((0, 738, 1476), (500, 256, (0,)))
        """
        if side <= window:
            return cls(side, side, overlap, (0,))
        steps = ceil((side - window) / (window - overlap))
        return cls(side, window, overlap, tuple(round(step * (side - window) / steps) for step in range(steps + 1)))

    def cells(self, of_window: int) -> int:
        """How many cells the picture has, where a window has so many."""
        return max(of_window, round(self.side * of_window / self.window))

    def view(self, place: int, of_window: int) -> View:
        """Which of the picture's cells a window sees: those whose middle is in it.

        Args:
            place: Which window, from 0.
            of_window: How many cells a window has.
        """
        count, start = self.cells(of_window), self.starts[place]
        middles = (np.arange(count) + 0.5) * (self.side / count) - start
        first, last = np.searchsorted(middles, [0, self.window])
        inside = middles[first:last]
        return View(
            slice(int(first), int(last)),
            Sources.at(inside / self.window * of_window, of_window),
            self._weights(inside, is_first=start == 0, is_last=start + self.window == self.side),
        )

    def _weights(self, inside: NDArray[np.floating], *, is_first: bool, is_last: bool) -> NDArray[np.float32]:
        """How much cells of a window count: less towards the edges that another window sees better."""
        far = np.full(inside.shape, float(self.window))
        before = far if is_first else inside
        after = far if is_last else self.window - inside
        ramp = np.minimum(before, after) / max(self.overlap, 1)
        return np.asarray(np.clip(ramp, _LEAST_WEIGHT, 1), np.float32)


class View(NamedTuple):
    """What a window sees of the picture's cells, along one axis.

    Attributes:
        where: The cells of the picture.
        sources: Where each of them lies among the window's own cells.
        weights: How much the window counts at each of them, in (0, 1].
    """

    where: slice
    sources: Sources
    weights: NDArray[np.float32]
