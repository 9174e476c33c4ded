"""Datasets whose masks come in several kinds side by side: with original ids, or converted to class indices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from freeseg.data.segmentation.layout import NamedFiles, files_by_name, list_files
from freeseg.errors import DataError


class MaskKind(NamedTuple):
    """One kind of mask.

    Attributes:
        ending: How the names of its files end.
        indices: The class index of each value.
    """

    ending: str
    indices: Mapping[int, int]


def choose_kind(
    kinds: Sequence[MaskKind], names: Iterable[str], folder: Path, *, deep: bool = False
) -> tuple[NamedFiles, MaskKind]:
    """Choose the kind of mask that most of the photos have, the earlier one of two equals.

    Args:
        kinds: The kinds to choose from.
        names: Of the photos.
        folder: Of the masks.
        deep: Whether the masks are in sub-folders.

    Returns:
        The masks of that kind, and the kind.

    Raises:
        DataError: There are photos, but no mask of any kind.
    """
    wanted, files = set(names), list_files(folder, deep=deep)
    found = [files_by_name(folder, files, kind.ending) for kind in kinds]
    counts = [len(wanted & masks.paths.keys()) for masks in found]
    best = counts.index(max(counts))
    if wanted and not counts[best]:
        endings = " or ".join(f"NAME{kind.ending}" for kind in kinds)
        there = f"{files[0]} and {len(files) - 1} more" if files else "nothing"
        raise DataError(f"{folder}: {endings} was looked for; found: {there}")
    return found[best], kinds[best]
