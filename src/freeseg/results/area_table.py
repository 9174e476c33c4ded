"""What was found in all photos of a run, as one table for a spreadsheet, pandas or a database: CSV, or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg.errors import OutputError
from freeseg.extras import require
from freeseg.files import path_for_message, printable, text_bytes, write_bytes

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

COLUMNS = ("photo", "width", "height", "label", "share", "pixels", "confidence", "presence")
_INTEGERS = ("width", "height", "pixels")
_PARQUET = ".parquet"
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
        FreeSegError: It is to be Parquet, by its name, and pyarrow is not installed.
    """
    if _is_parquet(path):
        require("pyarrow", what=path_for_message(path))
    if overwrite or not path.exists():
        return
    if _columns(path) != list(COLUMNS):
        raise OutputError(
            f"{path_for_message(path)} is there, and is no table of FreeSeg; name another, or --overwrite"
        )


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write a table as Parquet where the path ends in .parquet, else as CSV: UTF-8, with a line of column names.

    Raises:
        OutputError: The file cannot be written.
        FreeSegError: It is to be Parquet, and pyarrow is not installed.
    """
    if _is_parquet(path):
        write_bytes(path, _parquet_bytes(list(rows)))
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_bytes(path, text_bytes(text.getvalue()))


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == _PARQUET


def _parquet_bytes(rows: Sequence[Row]) -> bytes:
    require("pyarrow", what="a table in Parquet")
    import pyarrow
    from pyarrow import parquet

    kinds = {name: pyarrow.int64() if name in _INTEGERS else pyarrow.float64() for name in COLUMNS}
    schema = pyarrow.schema(kinds | dict.fromkeys(("photo", "label"), pyarrow.string()))
    columns = zip(*rows, strict=True) if rows else ([] for _ in COLUMNS)
    values = {
        name: [None if each == "" else each for each in column] for name, column in zip(COLUMNS, columns, strict=True)
    }
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(values, schema=schema), file)
    return file.getvalue()


def _columns(path: Path) -> list[str] | None:
    """The names of the columns of a table; None where there are none, or it cannot be read."""
    if _is_parquet(path):
        from pyarrow import ArrowException, parquet

        try:
            return list(parquet.read_schema(path).names)
        except (OSError, ArrowException):
            return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), None)
    except (OSError, ValueError, csv.Error):
        return None


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
