"""The journal of an evaluation: a line for every photo that is done, so that an evaluation can be stopped.

Its first line says which run the records belong to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freeseg.errors import DataError, OutputError, reason
from freeseg.evaluation.records import PhotoRecord, Run
from freeseg.files import parse_json, plain_number, write_text


def resume(path: Path, run: Run, names: Sequence[str]) -> list[PhotoRecord]:
    """Read the records of an evaluation that was stopped, or begin a journal where there is none.

    A last line that was written in part is removed.

    Args:
        path: The journal.
        run: The run that its records must belong to.
        names: The names of the run's photos, in order.

    Raises:
        OutputError: The journal belongs to another run, is damaged, or cannot be read or written.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        complete = [parse_json(line) for line in lines if line.endswith(b"\n")]
        if not complete:
            write_text(path, _line(run.to_dict()))
            return []
        differing = Run.from_dict(complete[0]).differences(run)
        records = [PhotoRecord.from_dict(values) for values in complete[1:]]
    except (OSError, ValueError, DataError) as error:
        raise OutputError(f"{path} cannot be continued ({error}); delete it to start again") from error
    if differing:
        raise OutputError(
            f"{path} belongs to another evaluation ({', '.join(differing)} differ); delete it or choose another folder"
        )
    if [record.name for record in records] != list(names[: len(records)]):
        raise OutputError(f"{path} holds other photos than come first (two runs at once?); delete it to start again")
    if len(lines) > len(complete):
        with path.open("rb+") as file:
            file.truncate(sum(map(len, lines[:-1])))
    return records


def append(path: Path, record: PhotoRecord) -> None:
    """Add the record of a photo to a journal.

    Raises:
        OutputError: The journal cannot be written: the disk is full, for example, or somebody has deleted it.
    """
    try:
        with path.open("r+", encoding="utf-8") as file:
            file.seek(0, 2)
            file.write(_line(record.to_dict()))
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({reason(error)}); free space and run it again: what it holds is kept"
        ) from error


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, default=plain_number) + "\n"
