"""A segmentation dataset as evaluation sees it: photos, true class indices, and the words for the classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from freeseg import words as vocabularies
from freeseg.data.segmentation.layout import Annotated
from freeseg.data.segmentation.values import read_values
from freeseg.errors import DataError
from freeseg.mask_values import BACKGROUND, IGNORE
from freeseg.words import Vocabulary
from freeseg.words.datasets import class_list

UNKNOWN = 254
MAX_CLASSES = 254
SETTINGS = ("plain", "aliases", "freeseg")


@dataclass(frozen=True, eq=False)
class SegmentationData:
    """Photos with masks, for measuring only.

    Attributes:
        name: "voc21", "ade20k", ...; for reports.
        classes: Plain names in index order; the first is "background" if `has_background`.
        has_background: Whether index 0 is "none of the classes".
        items: The photos and their masks, in a fixed order.
        lookup: (65536,) uint8: value in a mask's file -> class index, 255 = does not count, 254 = the dataset
            has no such value.
        aliases: "a|b|c" for each class without the background: the words that published numbers use.
        background_words: What stands for the background in those; FreeSeg's own words if empty.

    Example:
        >>> data = SegmentationData("pets", ("cat", "dog"), False, (), lookup({0: 0, 1: 1}), ("cat|kitten", "dog"))
        >>> data.vocabulary("aliases").aliases
        ('cat', 'kitten', 'dog')
    """

    name: str
    classes: tuple[str, ...]
    has_background: bool
    items: tuple[Annotated, ...]
    lookup: NDArray[np.uint8]
    aliases: tuple[str, ...] = ()
    background_words: tuple[str, ...] = ()

    def truth(self, item: Annotated) -> NDArray[np.uint8]:
        """The class index at each pixel (H, W) uint8; 255 does not count.

        Raises:
            DataError: The mask cannot be read, or holds a value that the dataset does not define.
        """
        values = read_values(item)
        truth: NDArray[np.uint8] = self.lookup[values]
        unknown = values[truth == UNKNOWN]
        if unknown.size:
            known = _ranges(np.flatnonzero(self.lookup != UNKNOWN).tolist())
            fix = "give its class a name" if self.name == "folder" else "put the dataset's own mask there"
            raise DataError(f"{item.mask} holds {unknown[0]}; {self.name} has {known}; {fix}")
        return truth

    def vocabulary(self, setting: str = "plain") -> Vocabulary:
        """The words for the classes; the background is not among them, its words are attached where it is a class.

        Args:
            setting: "plain", the dataset's own names and FreeSeg's background words; "aliases", the words that
                published numbers use; or "freeseg", FreeSeg's own list where it has one, else the aliases.

        Raises:
            DataError: No such setting.
        """
        if setting not in SETTINGS:
            raise DataError(f"no label setting is called {setting!r}; there are: {', '.join(SETTINGS)}")
        names, own = self.classes[int(self.has_background) :], vocabularies.default_background()
        if setting == "freeseg" and self.name in vocabularies.names():
            words = vocabularies.vocabulary(self.name)
        elif setting == "plain":
            words = Vocabulary.of(names, own)
        else:
            words = Vocabulary.of(self.aliases or names, self.background_words or own)
        return words if self.has_background else words.with_background_words(())


def public_dataset(
    name: str, classes: str, has_background: bool, items: Iterable[Annotated], indices: Mapping[int, int]
) -> SegmentationData:
    """A public dataset, its words from the class list called `classes`."""
    words = class_list(classes)
    names = ((BACKGROUND,) if has_background else ()) + words.names
    return SegmentationData(
        name, names, has_background, tuple(items), lookup(indices), words.aliases, words.background_words
    )


def lookup(indices: Mapping[int, int]) -> NDArray[np.uint8]:
    """A table from values to class indices: 255 -> 255, what is not in `indices` -> UNKNOWN.

    Example:
        >>> lookup({0: 255, 1: 0})[[0, 1, 2, 255]].tolist()
        [255, 0, 254, 255]
    """
    table = np.full(1 << 16, UNKNOWN, np.uint8)
    table[IGNORE] = IGNORE
    table[list(indices)] = list(indices.values())
    return table


def check_size(item: Annotated, truth: NDArray[np.uint8], photo: tuple[int, int]) -> None:
    """Refuse a mask that is not of its photo's size: the pixels it speaks of are not there.

    Args:
        item: The photo and its mask.
        truth: (H, W).
        photo: (width, height) of the photo, upright.

    Raises:
        DataError: The sizes differ.

    Example:
        >>> from pathlib import Path
        >>> check_size(Annotated("a", Path("a.jpg"), Path("a.png")), np.zeros((2, 3), np.uint8), (3, 2))
    """
    height, width = truth.shape
    if (width, height) != tuple(photo):
        raise DataError(
            f"{item.mask} is {width} x {height} for {item.name}, "
            f"but {item.photo} is {photo[0]} x {photo[1]}; they must be of one size"
        )


def _ranges(values: list[int]) -> str:
    """Sorted numbers as "0-20, 255"."""
    starts = [values[0], *(after for before, after in pairwise(values) if after > before + 1)]
    ends = [*(before for before, after in pairwise(values) if after > before + 1), values[-1]]
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
