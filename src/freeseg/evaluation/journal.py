"""An evaluation under way, on disk: what it belongs to and a line per photo done, so that it can be stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freeseg.errors import DataError, OutputError
from freeseg.evaluation.records import PhotoRecord, Run
from freeseg.files import write_text


def resume(path: Path, run: Run, names: Sequence[str]) -> list[PhotoRecord]:
    """The records that a journal holds; a new journal where there is none. A half-written last line is dropped.

    Args:
        path: The journal.
        run: What its records must belong to.
        names: The photos of the run, in order.

    Raises:
        OutputError: The journal belongs to another run, is damaged, or cannot be read or written.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        whole = [json.loads(line) for line in lines if line.endswith(b"\n")]
        if not whole:
            write_text(path, _line(run.to_dict()))
            return []
        differing = Run.from_dict(whole[0]).differences(run)
        records = [PhotoRecord.from_dict(values) for values in whole[1:]]
    except (OSError, ValueError, DataError) as error:
        raise OutputError(f"{path} cannot be continued ({error}); delete it to start again") from error
    if differing:
        raise OutputError(
            f"{path} is of another evaluation ({', '.join(differing)} differ); delete it or choose another folder"
        )
    if [record.name for record in records] != list(names[: len(records)]):
        raise OutputError(f"{path} holds other photos than come first (two runs at once?); delete it to start again")
    if len(lines) > len(whole):
        with path.open("rb+") as file:
            file.truncate(sum(map(len, lines[:-1])))
    return records


def append(path: Path, record: PhotoRecord) -> None:
    """Add a photo to a journal.

    Raises:
        OutputError: The disk is full, or the journal is gone.
    """
    try:
        with path.open("r+", encoding="utf-8") as file:
            file.seek(0, 2)
            file.write(_line(record.to_dict()))
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}); what it holds is kept") from error


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"
