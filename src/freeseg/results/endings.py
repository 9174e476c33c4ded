"""The endings of the files of a result, also where each label has a file of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

from freeseg.files import name_in_file
from freeseg.results.formats import ENDINGS, LABEL

LONGEST_LABEL = 40  # bytes of a label in a file's name
_KEPT = 32  # bytes of them that are the label's own, so that a number has room
# Bytes of the longest ending.
LONGEST_ENDING = max(
    len(ending) - len(LABEL) + LONGEST_LABEL if LABEL in ending else len(ending) for ending in ENDINGS.values()
)


def endings_of(formats: Iterable[str], labels: Sequence[str]) -> list[str]:
    """The endings of all files that results with these labels may have.

    Args:
        formats: Names of formats.
        labels: Of the masks.

    Example:
        >>> endings_of(["mask", "masks"], ["background", "cat", "potted plant"])
        ['.mask.png', '.mask-background.png', '.mask-cat.png', '.mask-potted-plant.png']
    """
    endings = [ENDINGS[name] for name in formats if name in ENDINGS]
    names = label_names(labels) if any(LABEL in ending for ending in endings) else []
    return [
        each
        for ending in endings
        for each in ([ending.replace(LABEL, name) for name in names] if LABEL in ending else [ending])
    ]


def label_names(labels: Sequence[str]) -> list[str]:
    """Each label as a part of a file's name, on any system, all different.

    Labels that would be the same, or differ in upper and lower case only, end in the numbers of their places.

    Example:
        >>> label_names(["cat", "hot dog", "hot-dog"])
        ['cat', 'hot-dog-1', 'hot-dog-2']
    """
    names = [_cut(name_in_file(label)) for label in labels]
    same = Counter(name.casefold() for name in names)
    return [f"{name}-{place}" if same[name.casefold()] > 1 else name for place, name in enumerate(names)]


def _cut(name: str) -> str:
    while len(os.fsencode(name)) > _KEPT:
        name = name[:-1]
    return name
