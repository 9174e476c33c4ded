"""A store of rows on disk to which rows are only ever added: the cache of features and of caption embeddings.

It has two files: `rows.bin` holds the rows one after the other, and `keys.txt` one key a line, in the same order. A row
is written before its key, so that after a kill only rows without a key are cut off. Several processes may fill one
store: each reads what the others have added before it adds rows of its own, while it holds the lock of a third file.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freeseg.errors import DataError, OutputError, reason
from freeseg.files import file_lock

KEY_LENGTH = 64  # a sha256 in hex
KEY = re.compile(f"[0-9a-f]{{{KEY_LENGTH}}}")
HALF_KEY = re.compile(f"[0-9a-f]{{0,{KEY_LENGTH}}}")


class RowStore:
    """Rows of one shape and dtype, each under its key, the sha256 of what it was computed from.

    Args:
        folder: Folder of the two files; made if need be.
        shape: Shape of one row.
        dtype: Dtype of the rows.

    Raises:
        OutputError: The folder cannot be written.
        DataError: The folder holds other files.

    Example:
        >>> import tempfile
        >>> store = RowStore(Path(tempfile.mkdtemp()), (2,), np.float32)
        >>> store.append(["a" * 64], np.array([[1, 2]], np.float32))
        >>> store.read(["a" * 64]).tolist()
        [[1.0, 2.0]]
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: type[np.generic]):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.row_bytes = math.prod(shape) * self.dtype.itemsize
        self._rows_path, self._keys_path, self._lock_path = (folder / name for name in ("rows.bin", "keys.txt", "lock"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._rows_path.exists() and not self._keys_path.exists():
                raise DataError(f"{self._rows_path} is not a FreeSeg cache; choose another --cache")
            self._keys_path.touch()  # before the rows: a file of rows without one of keys is not ours
            self._rows_path.touch()
            self._lock_path.touch()
            with file_lock(self._lock_path):
                self._positions = self._repair()
        except OSError as error:
            raise OutputError(f"cannot write the cache {folder}: {reason(error)}; choose another --cache") from error

    def __contains__(self, key: str) -> bool:
        return key in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    def reread(self) -> None:
        """Take notice of the rows that other processes have added."""
        with file_lock(self._lock_path):
            if not self._is_unchanged():
                self._positions = self._repair()

    def append(self, keys: Sequence[str], rows: NDArray[np.generic]) -> None:
        """Add rows under their keys; keys that are in the store already are skipped.

        Raises:
            OutputError: The disk is full; the rows that were stored before are kept.
        """
        with file_lock(self._lock_path):
            if not self._is_unchanged():
                self._positions = self._repair()
            fresh = {key: i for i, key in enumerate(keys) if key not in self._positions}
            if not fresh:
                return
            chosen = np.ascontiguousarray(rows[list(fresh.values())], dtype=self.dtype)
            try:
                with self._rows_path.open("ab") as file:
                    file.write(chosen.tobytes())
                    file.flush()
                    os.fsync(file.fileno())
                with self._keys_path.open("a", encoding="ascii", newline="\n") as file:
                    file.write("".join(f"{key}\n" for key in fresh))
            except OSError as error:
                self._positions = self._repair()
                raise OutputError(
                    f"cannot write the cache {self._rows_path}: {reason(error)}; free space and run it again"
                ) from error
            for key in fresh:
                self._positions[key] = len(self._positions)

    def read(self, keys: Sequence[str]) -> NDArray[np.generic]:
        """The rows of some keys, (len(keys), *shape), copied into memory.

        Raises:
            KeyError: A key is not in the store.
        """
        return self.rows()[self.positions(keys)]

    def positions(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Where the rows of some keys are in `rows()`."""
        return np.array([self._positions[key] for key in keys], dtype=np.int64)

    def rows(self) -> NDArray[np.generic]:
        """All rows, (len(self), *shape), mapped from disk, read-only."""
        if not self._positions:
            return np.empty((0, *self.shape), self.dtype)
        return np.memmap(self._rows_path, self.dtype, mode="r", shape=(len(self._positions), *self.shape))

    def _is_unchanged(self) -> bool:
        """Whether no other process has added rows since this object read or wrote the files."""
        sizes = self._keys_path.stat().st_size, self._rows_path.stat().st_size
        return sizes == (len(self) * (KEY_LENGTH + 1), len(self) * self.row_bytes)

    def _repair(self) -> dict[str, int]:
        """Cut off what a kill left half-written at the end of either file; gives the position of each key."""
        text = self._keys_path.read_text(encoding="ascii", errors="replace")
        *keys, half = text.split("\n")  # after the last line break comes half a key, or nothing
        if not all(map(KEY.fullmatch, keys)) or not HALF_KEY.fullmatch(half):
            raise DataError(f"{self._keys_path} is not a FreeSeg cache; remove its folder or choose another --cache")
        if len(set(keys)) < len(keys):  # two processes wrote at once, on a file system without locks
            raise DataError(f"{self._keys_path} has a key twice; remove its folder or choose another --cache")
        keys = keys[: self._rows_path.stat().st_size // self.row_bytes]
        os.truncate(self._keys_path, len(keys) * (KEY_LENGTH + 1))
        os.truncate(self._rows_path, len(keys) * self.row_bytes)
        return {key: i for i, key in enumerate(keys)}
