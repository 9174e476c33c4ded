"""PASCAL VOC 2012: 20 classes, with the background (voc21) or without (voc20)."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.layout import Annotated, join, named, photos_in, places, read_list, scan
from freeseg.mask_values import IGNORE

HOMES = ("", "VOC2012", "VOCdevkit/VOC2012")
LISTS = ("val.txt", "ImageSets/Segmentation/val.txt")
CLASSES = 20


def open_voc(root: Path, background: bool) -> SegmentationData:
    """`JPEGImages/`, `SegmentationClass/` and a list of names, in `root` or in `VOCdevkit/VOC2012` below it.

    Without a list every mask counts. The border of objects (255) never counts; without a background index 0
    does not count either.

    Raises:
        DataError: The layout is another, or a photo or a mask is missing.
    """
    photos, masks = places(root, HOMES, ("JPEGImages",), ("SegmentationClass",))
    indices = {0: 0 if background else IGNORE} | {value: value - (not background) for value in range(1, CLASSES + 1)}
    return public_dataset("voc21" if background else "voc20", "voc", background, voc_items(photos, masks), indices)


def voc_items(photos: Path, masks: Path) -> tuple[Annotated, ...]:
    """The photos that VOC's list beside the two folders names; without a list, those that have a mask.

    Raises:
        DataError: The list cannot be used, or a photo or a mask is missing.
    """
    files = named(masks, scan(masks), ".png")
    names = read_list(photos.parent, LISTS)
    return join(sorted(files.paths) if names is None else names, photos_in(photos), files)
