"""What the values of a mask mean, on disk and in memory; drawing, metrics, results and labelling all use this module.

- In files and in `Segmentation.mask`: value i means label i, and 255 (`IGNORE`) means "don't know". Where there is a
  background, it is value 0.
- While a mask is decided: -1 (`UNSURE`) means "don't know", so that label 255 needs no special case.
- With more than 255 labels a mask has 16 bits; value 255 still means "don't know" (`reserve_ignore`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freeseg.errors import LabelError

IGNORE = 255
UNSURE = -1
BACKGROUND = "background"
DONT_KNOW = "don't know"

Mask = NDArray[np.uint8] | NDArray[np.uint16]


def has_background(labels: Sequence[str]) -> bool:
    """Whether value 0 of a mask with these labels is the background.

    Example:
        >>> has_background(["background", "cat"]), has_background(["cat"])
        (True, False)
    """
    return len(labels) > 0 and labels[0] == BACKGROUND


def label_values(labels: Sequence[str]) -> list[int]:
    """The mask values that stand for a label: all indices but 255.

    Example:
        >>> label_values(["background", "cat"])
        [0, 1]
    """
    return [value for value in range(len(labels)) if value != IGNORE]


def reserve_ignore(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels, with "don't know" inserted at index 255 where there are more than 255 of them.

    So 255 means "don't know" in every mask. Up to 255 labels have the indices 0 to 254; of more labels, those from the
    256th on move up by one. Labels that have "don't know" there already are returned as they are.

    Raises:
        LabelError: More than 255 labels, and one of them is itself called "don't know".

    Example:
        >>> reserve_ignore(["cat", "dog"])
        ('cat', 'dog')
        >>> reserve_ignore([f"label {index}" for index in range(256)])[254:]
        ('label 254', "don't know", 'label 255')
    """
    labels = tuple(labels)
    if len(labels) <= IGNORE or labels[IGNORE] == DONT_KNOW:
        return labels
    if DONT_KNOW in labels:
        raise LabelError(f"{DONT_KNOW!r} is kept for pixels without a label; rename that label")
    return (*labels[:IGNORE], DONT_KNOW, *labels[IGNORE:])


def labels_by_value(names: Sequence[str], *, background: bool = True) -> tuple[str, ...]:
    """What each value of a mask means: the background first, and "don't know" at 255 where there are so many labels.

    Args:
        names: Of the labels.
        background: Whether value 0 is the background.

    Raises:
        LabelError: As of `reserve_ignore`.

    Example:
        >>> labels_by_value(["cat", "dog"])
        ('background', 'cat', 'dog')
    """
    return reserve_ignore((BACKGROUND, *names) if background else names)


def to_stored(decided: NDArray[np.integer], count: int) -> Mask:
    """Convert decided label indices to the values that a mask stores.

    Args:
        decided: (H, W) label indices, `UNSURE` where nothing was decided.
        count: How many labels there are, the background among them.

    Returns:
        (H, W) uint8, or uint16 for more than 255 labels; label 255 and those after it move up by one. Indices of one
        byte are not copied.

    Example:
        >>> to_stored(np.array([[0, 1, UNSURE]]), 2).tolist()
        [[0, 1, 255]]
    """
    if count <= IGNORE:  # -1 becomes 255
        return decided.view(np.uint8) if decided.dtype == np.int8 else decided.astype(np.uint8)
    return np.where(decided == UNSURE, IGNORE, decided + (decided >= IGNORE)).astype(np.uint16)
