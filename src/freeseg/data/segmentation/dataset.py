"""A segmentation dataset as evaluation uses it: photos, true class indices, and the words for the classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from freeseg import words as vocabularies
from freeseg.data.segmentation.layout import AnnotatedPhoto
from freeseg.data.segmentation.values import read_values
from freeseg.errors import DataError, shortened
from freeseg.mask_values import BACKGROUND, IGNORE
from freeseg.words import Vocabulary
from freeseg.words.datasets import class_list

UNKNOWN = 254
MAX_CLASSES = 254
SETTINGS = ("plain", "typed", "aliases", "freeseg")


@dataclass(frozen=True, eq=False)
class SegmentationData:
    """Photos with masks, for measuring only.

    Attributes:
        name: "voc21", "ade20k", ...; for reports.
        classes: Names in the order of their indices; the first is "background" if `has_background`.
        has_background: Whether index 0 means none of the classes.
        items: The photos and their masks, in a fixed order.
        lookup: (65536,) uint8: the class index of each value in a mask's file; 255 for a value that does not count,
            and 254 for one that the dataset does not have.
        aliases: "a|b|c" for each class without the background: more words for it. If empty, the names.
        background_words: The words for the background beside the aliases; if empty, FreeSeg's own.

    Example:
        >>> data = SegmentationData("pets", ("cat", "dog"), False, (), lookup({0: 0, 1: 1}), ("cat|kitten", "dog"))
        >>> data.vocabulary("aliases").aliases
        ('cat', 'kitten', 'dog')
    """

    name: str
    classes: tuple[str, ...]
    has_background: bool
    items: tuple[AnnotatedPhoto, ...]
    lookup: NDArray[np.uint8]
    aliases: tuple[str, ...] = ()
    background_words: tuple[str, ...] = ()

    def truth(self, item: AnnotatedPhoto) -> NDArray[np.uint8]:
        """The class index of each pixel, (H, W) uint8, and 255 for a pixel that does not count.

        Raises:
            DataError: The mask cannot be read, or holds a value that the dataset does not have.
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
        """The words for the classes, with background words where the background is a class.

        Args:
            setting: "plain" for the dataset's own names and FreeSeg's background words; "typed" for the same as a user
                types them, which are looked for by their other names too (`words.everyday`); "aliases" and "freeseg"
                for the list that ships under the dataset's name, or the dataset's aliases if there is none.

        Raises:
            DataError: There is no such setting.
        """
        if setting not in SETTINGS:
            raise DataError(f"no label setting is called {shortened(setting)}; there are: {', '.join(SETTINGS)}")
        names, own = self.classes[int(self.has_background) :], vocabularies.default_background()
        if setting in ("plain", "typed"):
            words = Vocabulary.of(names, own, everyday_words=setting == "typed")
        elif self.name in vocabularies.names():
            words = vocabularies.vocabulary(self.name)
        else:
            words = Vocabulary.of(self.aliases or names, self.background_words or own, everyday_words=False)
        return words if self.has_background else words.with_background_words(())


def public_dataset(
    name: str, *, classes: str, background: bool, items: Iterable[AnnotatedPhoto], indices: Mapping[int, int]
) -> SegmentationData:
    """A public dataset.

    Args:
        name: The dataset's name.
        classes: The name of its class list.
        background: Whether index 0 is the background, which the class list does not have.
        items: The photos and their masks.
        indices: The class index of each value in the masks.
    """
    words = class_list(classes)
    names = ((BACKGROUND,) if background else ()) + words.names
    return SegmentationData(name, names, background, tuple(items), lookup(indices), words.aliases)


def lookup(indices: Mapping[int, int]) -> NDArray[np.uint8]:
    """A table from values to class indices, (65536,) uint8: 255 for 255, and `UNKNOWN` for values not in `indices`.

    Example:
        >>> lookup({0: 255, 1: 0})[[0, 1, 2, 255]].tolist()
        [255, 0, 254, 255]
    """
    table = np.full(1 << 16, UNKNOWN, np.uint8)
    table[IGNORE] = IGNORE
    table[list(indices)] = list(indices.values())
    return table


def check_size(item: AnnotatedPhoto, truth: NDArray[np.uint8], photo: tuple[int, int]) -> None:
    """Check that a mask has its photo's size.

    Args:
        item: The photo and its mask.
        truth: (H, W).
        photo: (width, height) of the photo, upright.

    Raises:
        DataError: The sizes differ.

    Example:
        >>> from pathlib import Path
        >>> check_size(AnnotatedPhoto("a", Path("a.jpg"), Path("a.png")), np.zeros((2, 3), np.uint8), (3, 2))
    """
    height, width = truth.shape
    if (width, height) != tuple(photo):
        raise DataError(
            f"{item.mask} is {width} x {height} for {item.name}, "
            f"but {item.photo} is {photo[0]} x {photo[1]}; they must be of one size"
        )


def _ranges(values: list[int]) -> str:
    """Sorted numbers as text, such as "0-20, 255"."""
    starts = [values[0], *(after for before, after in pairwise(values) if after > before + 1)]
    ends = [*(before for before, after in pairwise(values) if after > before + 1), values[-1]]
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
