"""Datasets whose masks come in several kinds side by side: with original ids, or converted to class indices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.layout import NamedFiles, files_by_name, list_files, match_masks
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


def dataset_of_kinds(
    name: str,
    kinds: Sequence[MaskKind],
    photos: NamedFiles,
    folder: Path,
    *,
    background: bool = False,
    deep: bool = False,
) -> SegmentationData:
    """A public dataset whose masks may be of several kinds; its class list has the dataset's name.

    Args:
        name: Of the dataset.
        kinds: The kinds to choose from.
        photos: The photos, each of which needs a mask.
        folder: Of the masks.
        background: Whether the first class is the background.
        deep: Whether the masks are in sub-folders.

    Raises:
        DataError: There is no mask of any kind, or a photo has none of the kind that most photos have.
    """
    masks, kind = choose_kind(kinds, photos.paths, folder, deep=deep)
    items = match_masks(sorted(photos.paths), photos, masks)
    return public_dataset(name, classes=name, background=background, items=items, indices=kind.indices)
