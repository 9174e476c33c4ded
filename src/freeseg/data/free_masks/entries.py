"""The manifest of free masks: an entry for each photo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated

from freeseg.bounds import Bounds, check_fields
from freeseg.errors import DataError, FreeSegError, reason
from freeseg.files import escapes_folder, parse_json

MANIFEST = "manifest.jsonl"
CAPTIONS, PRESENCE = "captions", "presence"  # how it is known which labels may be in a photo


@dataclass(frozen=True)
class Entry:
    """A photo's line in the manifest.

    Attributes:
        source: The name of the photo's source.
        file: The photo's key in its source.
        width, height: Of the photo, its mask and its confidence, in pixels.
        mask, confidence: Their paths, relative to the folder.
        known: "captions" or "presence": what tells which labels may be in the photo.
        labels: The names of these labels.
        areas: Share of the pixels, in (0, 1], of each label that has any, the background among them.
        ignored: Share of the pixels that are "don't know".
        sha256: Of the photo's bytes, as 64 hex digits.
        model: Name of the model that made the mask.
        version: Of the FreeSeg that made the mask.
    """

    source: str
    file: str
    width: Annotated[int, Bounds(least=1)]
    height: Annotated[int, Bounds(least=1)]
    mask: str
    confidence: str
    known: str
    labels: tuple[str, ...]
    areas: dict[str, float]
    ignored: float
    sha256: str
    model: str
    version: str

    @classmethod
    def parse(cls, line: bytes | str) -> Entry:
        """Read a line.

        Raises:
            ValueError: The line is not an entry; the message says why.
        """
        values = parse_json(line)
        if not isinstance(values, dict):
            raise ValueError("not an object")
        if missing := [field.name for field in fields(cls) if field.name not in values]:
            raise ValueError(f"no {missing[0]!r}")
        known = {field.name: values[field.name] for field in fields(cls)}
        if isinstance(known["labels"], list):
            known["labels"] = tuple(known["labels"])
        entry = cls(**known)
        try:
            check_fields(entry)
        except FreeSegError as error:
            raise ValueError(str(error)) from None
        for name in ("source", "file", "mask", "confidence"):  # they become paths that are read and written
            if escapes_folder(values[name]):
                raise ValueError(f"{name!r} leads out of its folder")
        return entry

    def line(self) -> str:
        """The entry as a line of ASCII, since the names of files can hold bytes that are not UTF-8."""
        return json.dumps(asdict(self)) + "\n"


def read_manifest(folder: Path) -> Iterator[tuple[int, Entry]]:
    """Read the entries of a folder's manifest, without a half-written last line.

    Yields:
        The byte at which each entry's line begins, and the entry.

    Raises:
        DataError: A line is damaged (the message has its number), or the manifest cannot be read.
    """
    path, place = folder / MANIFEST, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    entry = Entry.parse(line)
                except ValueError as error:
                    raise DataError(f"{path}, line {number}: damaged ({error}); label the photos again") from error
                yield place, entry
                place += len(line)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({reason(error)})") from error
