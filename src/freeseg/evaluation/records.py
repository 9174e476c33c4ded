"""What an evaluation stores: a record for each photo, and the run that the records belong to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any

from freeseg.errors import DataError
from freeseg.evaluation.metrics.headlines import TALLIES


@dataclass(frozen=True)
class PhotoRecord:
    """Everything measured on one photo: counts and terms of means, so that photos add up.

    Attributes:
        name: The photo.
        counts: What each of `headlines.TALLIES` counted, by the names of its entries.

    Example:
        >>> counts = {"confusion": [(0, 1, 7)], "boundary": [(1, 2, 3)], "contrasts": {1: 40.5}, "shown": [1]}
        >>> record = PhotoRecord("cat", {**counts, "there": [1], "calibration": [(14, 7, 6.9, 5)]})
        >>> PhotoRecord.from_dict(record.to_dict()) == record
        True
    """

    name: str
    counts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """One flat dictionary that JSON can hold."""
        return {"name": self.name, **self.counts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PhotoRecord:
        """The record whose `to_dict` was written as JSON and read again.

        Raises:
            DataError: It is no record of a photo.
        """
        try:
            parts = [tally.parse(values) for tally in TALLIES]
            return cls(str(values["name"]), {name: value for part in parts for name, value in part.items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"a photo's record is damaged ({error!r}); measure again") from error


@dataclass(frozen=True)
class Run:
    """What was measured, and how. Records of different runs are never mixed.

    Attributes:
        dataset: The name of the dataset.
        classes: The plain names of its classes in index order; the first is the background if `has_background`.
        has_background: Whether a pixel may be none of the labels.
        photos: How many photos were measured.
        photos_sha256: Hash of their names in order (`names_sha256`).
        setting: One of `freeseg.evaluation.names.SETTINGS`.
        protocol: What `Protocol.described` gives.
        model: The name of the model.
        model_sha256: Hash of the model's weights, preprocessing and decision rule.
        command: The command line that measured; empty where Python did.
        versions: The versions of Python and of the packages that take part, and the engine that looked at the photos.
    """

    dataset: str
    classes: tuple[str, ...]
    has_background: bool
    photos: int
    photos_sha256: str
    setting: str
    protocol: dict[str, Any]
    model: str
    model_sha256: str
    command: str
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The run as values that JSON can hold."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """The run whose `to_dict` was written as JSON and read again.

        Raises:
            DataError: It is no run.
        """
        try:
            return cls(**{**values, "classes": tuple(values["classes"])})
        except (KeyError, TypeError) as error:
            raise DataError(f"what the records belong to is damaged ({error!r}); measure again") from error

    def differences(self, other: Run, *, ignoring: Iterable[str] = ("command",)) -> list[str]:
        """The names of the fields in which two runs differ, apart from those in `ignoring`.

        Example:
            >>> first = Run("voc21", ("background", "cat"), True, 2, "ab", "plain", {}, "m", "cd", "x", {})
            >>> second = Run("voc21", ("background", "cat"), True, 3, "ef", "plain", {}, "m", "cd", "y", {})
            >>> first.differences(second)
            ['photos', 'photos_sha256']
        """
        names = [field.name for field in fields(self) if field.name not in ignoring]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


def names_sha256(names: Iterable[str]) -> str:
    """Hash of the photos' names in order, as 64 hex digits.

    Example:
        >>> names_sha256(["a", "b"]) == names_sha256(["b", "a"])
        False
    """
    return sha256(json.dumps(list(names)).encode()).hexdigest()
