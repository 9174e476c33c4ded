"""What was found in all photos of a run, as one table for a spreadsheet or pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg.errors import OutputError
from freeseg.files import path_for_message, printable, text_bytes, write_bytes

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

COLUMNS = ("photo", "width", "height", "label", "share", "pixels", "confidence", "presence")
Row = Sequence[str | int | float]


def area_rows(result: Segmentation) -> list[Row]:
    """A row for each label that has pixels, the background among them, largest first.

    `share` is that of all pixels, from 0 to 1; `presence` is empty for the background.

    Example:
        >>> import freeseg, numpy as np
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
        >>> area_rows(result)[0][:6]
        ('photo', 60, 40, 'cat', 1.0, 2400)
    """
    photo = printable(result.reference)
    return [
        (
            photo,
            result.photo.width,
            result.photo.height,
            printable(label),
            round(share, 6),
            round(share * result.mask.size),
            round(result.mean_confidence(label), 4),
            round(result.presence[label], 4) if label in result.presence else "",
        )
        for label, share in result.areas().items()
    ]


def check_table(path: Path, *, overwrite: bool) -> None:
    """Refuse to write over a file that is not such a table.

    Raises:
        OutputError: There is another file, and `overwrite` does not allow it.
    """
    if overwrite or not path.exists():
        return
    try:
        with path.open(encoding="utf-8", newline="") as file:
            own = next(csv.reader(file), None) == list(COLUMNS)
    except (OSError, ValueError, csv.Error):
        own = False
    if not own:
        raise OutputError(
            f"{path_for_message(path)} is there, and is no table of FreeSeg; name another, or --overwrite"
        )


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write a table as CSV: UTF-8, with a line of column names.

    Raises:
        OutputError: The file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_bytes(path, text_bytes(text.getvalue()))


class TableFile:
    """The table of a run.

    Args:
        path: Where it will be.
    """

    holds_results = True

    def __init__(self, path: Path):
        self.path = path
        self._rows: list[Row] = []

    def check(self, *, overwrite: bool) -> None:
        """Refuse to write over a file that is not such a table, as `check_table` does."""
        check_table(self.path, overwrite=overwrite)

    def add(self, result: Segmentation, stem: str) -> None:
        """Take up the rows of a photo."""
        self._rows += area_rows(result)

    def write(self) -> None:
        """Write the table, as `write_table` does."""
        write_table(self.path, self._rows)
