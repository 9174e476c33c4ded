"""Datasets whose masks come in several kinds, side by side: with original ids, or converted to class indices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from freeseg.data.segmentation.layout import Files, named, scan
from freeseg.errors import DataError


class Kind(NamedTuple):
    """One kind of mask: how its files' names end, and the class index of each value."""

    ending: str
    indices: Mapping[int, int]


def choose(kinds: Sequence[Kind], names: Iterable[str], folder: Path, deep: bool = False) -> tuple[Files, Kind]:
    """The kind that most of the photos have, the earlier one of equals, and its masks.

    Raises:
        DataError: There are photos, but no mask of any kind.
    """
    wanted, files = set(names), scan(folder, deep)
    found = [named(folder, files, kind.ending) for kind in kinds]
    counts = [len(wanted & masks.paths.keys()) for masks in found]
    best = counts.index(max(counts))
    if wanted and not counts[best]:
        endings = " or ".join(f"NAME{kind.ending}" for kind in kinds)
        there = f"{files[0]} and {len(files) - 1} more" if files else "nothing"
        raise DataError(f"{folder}: {endings} was looked for; found: {there}")
    return found[best], kinds[best]
