"""Photos with masks, for measuring only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from freeseg.errors import DataError

LISTS = ("val.txt", "ImageSets/Segmentation/val.txt")


class Annotated(NamedTuple):
    """A photo and its mask."""

    name: str
    photo: Path
    mask: Path

    def truth(self) -> NDArray[np.uint8]:
        """The mask (H, W) uint8: class indices, 255 = ignore.

        Raises:
            DataError: It cannot be read, or is not an indexed or grey PNG.
        """
        try:
            with Image.open(self.mask) as opened:
                if opened.mode not in ("P", "L"):
                    raise DataError(f"{self.mask} is {opened.mode}; a mask must be an indexed or grey PNG")
                return np.array(opened, dtype=np.uint8)
        except (OSError, UnidentifiedImageError) as error:
            raise DataError(f"{self.mask} cannot be read ({error}); put a whole mask there") from error


class VocFolder:
    """`ROOT/JPEGImages`, `ROOT/SegmentationClass`, and a list of names in `val.txt` or VOC's own place.

    Without a list, every mask's photo is used.

    Raises:
        DataError: The layout is another, or a photo or a mask is missing.
    """

    def __init__(self, root: Path):
        photos, masks = root / "JPEGImages", root / "SegmentationClass"
        for folder in (photos, masks):
            if not folder.is_dir():
                found = ", ".join(sorted(p.name for p in root.iterdir())[:8]) if root.is_dir() else "no such folder"
                raise DataError(f"{folder} was looked for; {root} holds: {found or 'nothing'}")
        self.items = [Annotated(name, photos / f"{name}.jpg", masks / f"{name}.png") for name in _names(root, masks)]
        if not self.items:
            raise DataError(f"{root} lists no photos; put one name a line into {root / LISTS[0]}")
        missing = [path for item in self.items for path in (item.photo, item.mask) if not path.is_file()]
        if missing:
            raise DataError(f"{missing[0]} is missing, and {len(missing) - 1} more of those that {root} lists")

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Annotated]:
        return iter(self.items)


def _names(root: Path, masks: Path) -> list[str]:
    for place in LISTS:
        if (root / place).is_file():
            try:
                return (root / place).read_text(encoding="utf-8").split()
            except (OSError, UnicodeError) as error:
                raise DataError(f"{root / place} cannot be read ({error}); put one name a line there") from error
    return sorted(path.stem for path in masks.glob("*.png"))
