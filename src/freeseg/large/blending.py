"""Maps of overlapping windows as maps of the whole picture, from its top to its bottom, few rows at a time."""

from __future__ import annotations

import numpy as np

from freeseg.decision.maps import Maps, lerp_columns, lerp_rows
from freeseg.large.layout import Axis


class Blend:
    """The rows of a picture's maps that are being put together: the weighted mean of the windows that see a cell.

    A window counts less towards its edges, so that where one ends nothing jumps.

    Args:
        rows: The axis from top to bottom.
        columns: The axis from left to right.
        shape: (C, h, w) of each window's maps.

    Example:
        >>> rows, columns = Axis.of(4, 4, 2), Axis.of(6, 4, 2)
        >>> blend = Blend(rows, columns, (1, 2, 2))
        >>> for place, value in enumerate([0.0, 1.0]):
        ...     blend.add(0, place, np.full((1, 2, 2), value, np.float32))
        >>> blend.take(0, 2)[0].tolist()
        [[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]]
    """

    def __init__(self, rows: Axis, columns: Axis, shape: tuple[int, int, int]):
        self.rows, self.columns = rows, columns
        self.maps, self.height, self.width = shape
        self.first = 0  # the row of the picture's cells that the arrays begin with
        self._total = np.zeros((self.maps, 0, columns.cells(self.width)), np.float32)
        self._weight = np.zeros(self._total.shape[1:], np.float32)

    def add(self, row: int, column: int, maps: Maps) -> None:
        """Add the maps (C, h, w) of a window, by its place; its row of windows must not be before the last one's."""
        y, x = self.rows.view(row, self.height), self.columns.view(column, self.width)
        self._make_room(y.where.stop)
        weight = y.weights[:, None] * x.weights
        here = slice(y.where.start - self.first, y.where.stop - self.first)
        self._total[:, here, x.where] += weight * lerp_rows(lerp_columns(maps, x.sources), y.sources)
        self._weight[here, x.where] += weight

    def is_done(self, row: int) -> int:
        """Before which row of cells nothing changes any more, once this row of windows was added."""
        if row + 1 == len(self.rows.starts):
            return self.rows.cells(self.height)
        start: int = self.rows.view(row + 1, self.height).where.start
        return start

    def take(self, start: int, stop: int) -> Maps:
        """The finished rows of cells from `start` to before `stop`; 0 where no window was added.

        Rows before `start` are forgotten.
        """
        self._make_room(stop)
        self._total, self._weight = self._total[:, start - self.first :], self._weight[start - self.first :]
        self.first = start
        count = stop - start
        return np.asarray(self._total[:, :count] / np.where(self._weight[:count] > 0, self._weight[:count], 1))

    def _make_room(self, stop: int) -> None:
        missing = stop - self.first - len(self._weight)
        if missing > 0:  # the copy also lets go of the rows that were forgotten
            self._total = np.pad(self._total, ((0, 0), (0, missing), (0, 0)))
            self._weight = np.pad(self._weight, ((0, missing), (0, 0)))
