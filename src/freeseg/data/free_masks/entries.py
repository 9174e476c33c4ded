"""The manifest of free masks: an entry for each photo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from freeseg.errors import DataError, reason
from freeseg.files import escapes_folder

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
    width: int
    height: int
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
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("not an object")
        for field in fields(cls):
            if not isinstance(values.get(field.name), _JSON_TYPES[str(field.type)]):
                raise ValueError(f"no {field.name!r}, or of another kind")
        for name in ("source", "file", "mask", "confidence"):  # they become paths that are read and written
            if escapes_folder(values[name]):
                raise ValueError(f"{name!r} leads out of its folder")
        if not all(isinstance(label, str) for label in values["labels"]):
            raise ValueError("'labels' must be names")
        known = {field.name: values[field.name] for field in fields(cls)}
        return cls(**known | {"labels": tuple(values["labels"])})

    def line(self) -> str:
        """The entry as a line of ASCII, since the names of files can hold bytes that are not UTF-8."""
        return json.dumps(asdict(self)) + "\n"


# The types that an entry's fields have in JSON, by their types in Python.
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "tuple[str, ...]": (list,),
    "dict[str, float]": (dict,),
}


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
