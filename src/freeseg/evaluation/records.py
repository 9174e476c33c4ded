"""What an evaluation keeps: a record per photo, and the run that the records belong to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any

from freeseg.errors import DataError

SETTINGS = ("freeseg", "plain", "aliases", "refined")


@dataclass(frozen=True)
class PhotoRecord:
    """Everything measured on one photo. All of it are counts or terms of a mean: photos add up.

    A class is an index into `Run.classes`, the background among them where there is one.

    Attributes:
        name: The photo.
        confusion: (truth, prediction, pixels) where pixels > 0; prediction == len(classes) is "don't know".
        boundary: (class, intersection, union) of the boundary bands, in pixels, where union > 0.
        contrasts: The photo's term of mSC by class, in [-100, 100]; the background has none.
        shown: Classes in the predicted mask, background not among them.
        there: Classes in the truth, background not among them.
        calibration: (bin, pixels, sum of their confidences, pixels that are right) where pixels > 0.

    Example:
        >>> record = PhotoRecord("cat", [(0, 1, 7)], [(1, 2, 3)], {1: 40.5}, [1], [1], [(14, 7, 6.9, 5)])
        >>> PhotoRecord.from_dict(record.to_dict()) == record
        True
    """

    name: str
    confusion: list[tuple[int, int, int]]
    boundary: list[tuple[int, int, int]]
    contrasts: dict[int, float]
    shown: list[int]
    there: list[int]
    calibration: list[tuple[int, int, float, int]]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; the keys of an object are strings there."""
        return asdict(self) | {"contrasts": {str(label): term for label, term in self.contrasts.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PhotoRecord:
        """From what `to_dict` gave, after a way through JSON.

        Raises:
            DataError: It is no record.
        """
        try:
            return cls(
                name=str(values["name"]),
                confusion=[(int(truth), int(shown), int(pixels)) for truth, shown, pixels in values["confusion"]],
                boundary=[(int(label), int(both), int(either)) for label, both, either in values["boundary"]],
                contrasts={int(label): float(term) for label, term in values["contrasts"].items()},
                shown=[int(label) for label in values["shown"]],
                there=[int(label) for label in values["there"]],
                calibration=[(int(b), int(n), float(total), int(hits)) for b, n, total, hits in values["calibration"]],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"a photo's record is damaged ({error!r}); measure again") from error


@dataclass(frozen=True)
class Run:
    """What records belong to. Numbers of different runs are never mixed.

    Attributes:
        dataset: Its name.
        classes: Their plain names in index order; the first is the background if `has_background`.
        has_background: Whether a pixel may be none of the labels.
        photos: How many.
        photos_sha256: Hash of their names in order (`names_sha256`).
        setting: One of `SETTINGS`.
        protocol: `dataclasses.asdict` of the Protocol.
        model: Its name.
        model_sha256: Hash of its weights, preprocessing and decision rule.
        command: The command line.
        versions: Of Python and of the packages that take part.
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
        """As JSON holds it."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """From what `to_dict` gave, after a way through JSON.

        Raises:
            DataError: It is no run.
        """
        try:
            return cls(**{**values, "classes": tuple(values["classes"])})
        except (KeyError, TypeError) as error:
            raise DataError(f"what the records belong to is damaged ({error!r}); measure again") from error

    def differences(self, other: Run, but: Iterable[str] = ("command",)) -> list[str]:
        """The names of the fields in which two runs differ, `but` left out.

        Example:
            >>> first = Run("voc21", ("background", "cat"), True, 2, "ab", "plain", {}, "m", "cd", "x", {})
            >>> second = Run("voc21", ("background", "cat"), True, 3, "ef", "plain", {}, "m", "cd", "y", {})
            >>> first.differences(second)
            ['photos', 'photos_sha256']
        """
        names = [field.name for field in fields(self) if field.name not in but]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


def names_sha256(names: Iterable[str]) -> str:
    """Hash of the photos' names in order, as 64 hex digits.

    Example:
        >>> names_sha256(["a", "b"]) == names_sha256(["b", "a"])
        False
    """
    return sha256(json.dumps(list(names)).encode()).hexdigest()
