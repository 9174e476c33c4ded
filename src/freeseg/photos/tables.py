"""Parquet files of photos: their bytes in a column, as Hugging Face datasets have them, or their paths."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

from freeseg.errors import PhotoError
from freeseg.extras import require
from freeseg.files import path_for_message
from freeseg.places import opened_place

CAPTIONS = ("captions", "caption", "text")
BYTES, PATHS = ("image", "bytes", "jpg"), ("path", "url", "image_path")  # columns, in the order of preference
_GROUPS_LOCK = Lock()


def photo_column(path: str) -> tuple[str, bool]:
    """The column of a Parquet file that has photos, and whether it has their bytes; "" where none has.

    Raises:
        FreeSegError: pyarrow is not installed.
        OSError, pyarrow.ArrowException: The file cannot be read.
    """
    require("pyarrow", what=path_for_message(path))
    from pyarrow import parquet, types

    with opened_place(path) as file:
        schema = parquet.read_schema(file)
    for name in BYTES:
        if name in schema.names:
            kind = schema.field(name).type
            inside = types.is_struct(kind) and any(field.name == "bytes" for field in kind)
            if inside or types.is_binary(kind) or types.is_large_binary(kind):
                return name, True
    return next((name for name in PATHS if name in schema.names), ""), False


def rows_by_group(path: str) -> list[int]:
    """How many rows each row group of a Parquet file has."""
    from pyarrow import parquet

    with opened_place(path) as file:
        metadata = parquet.ParquetFile(file).metadata
        return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def paths_in(path: str, column: str) -> Iterator[str]:
    """The paths in a column of a Parquet file, read some rows at a time; "" for rows without one."""
    return (str(name or "") for name in _values(path, column))


def caption_column(path: str) -> str:
    """The column of a Parquet file that describes its photos: texts, or lists of them; "" where there is none.

    Raises:
        OSError, pyarrow.ArrowException: The file cannot be read.
    """
    from pyarrow import parquet, types

    with opened_place(path) as file:
        schema = parquet.read_schema(file)
    for name in CAPTIONS:
        if name in schema.names:
            kind = schema.field(name).type
            has_values = types.is_list(kind) or types.is_large_list(kind) or types.is_dictionary(kind)
            kind = kind.value_type if has_values else kind
            if types.is_string(kind) or types.is_large_string(kind):
                return name
    return ""


def captions_in(path: str, column: str) -> Iterator[tuple[str, ...]]:
    """The captions of each row of a Parquet file, read some rows at a time."""
    for value in _values(path, column):
        texts = [value] if isinstance(value, str) else value or []
        yield tuple(text.strip() for text in texts if text and text.strip())


def _values(path: str, column: str) -> Iterator[Any]:
    from pyarrow import parquet

    with opened_place(path) as file:
        for batch in parquet.ParquetFile(file).iter_batches(columns=[column], batch_size=10_000):
            yield from batch.column(0).to_pylist()


def bytes_in(path: str, column: str, group: int, row: int) -> bytes:
    """The bytes of a photo in a Parquet file. A process keeps the row group of the last photo.

    Args:
        path: The file.
        column: The column that has them.
        group: The row group.
        row: The row in that group.

    Raises:
        PhotoError: The row has none.
    """
    with _GROUPS_LOCK:
        value = _group(path, column, group)[row].as_py()
    content = value.get("bytes") if isinstance(value, dict) else value
    if not content:
        raise PhotoError(f"cannot read {path_for_message(path)}: row {row} of row group {group} holds no bytes")
    return bytes(content)


@lru_cache(maxsize=1)
def _group(path: str, column: str, group: int) -> Any:
    from pyarrow import parquet

    with opened_place(path) as file:
        return parquet.ParquetFile(file).read_row_group(group, columns=[column])[column]
