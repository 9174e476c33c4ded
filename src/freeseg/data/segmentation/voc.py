"""PASCAL VOC 2012: 20 classes, with the background (voc21) or without (voc20)."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.layout import (
    AnnotatedPhoto,
    find_paths,
    masks_by_name,
    match_masks,
    photos_by_name,
    read_names,
)
from freeseg.mask_values import IGNORE

HOMES = ("", "VOC2012", "VOCdevkit/VOC2012")
LISTS = ("val.txt", "ImageSets/Segmentation/val.txt")
CLASSES = 20


def open_voc(root: Path, *, background: bool) -> SegmentationData:
    """Open PASCAL VOC: `JPEGImages/`, `SegmentationClass/` and a list of names, in one of `HOMES` below `root`.

    Without a list, every photo with a mask counts. The borders of objects (255) never count.

    Args:
        root: The folder.
        background: Whether the background is a class (voc21) or does not count (voc20).

    Raises:
        DataError: The layout is another, or a photo or a mask is missing.
    """
    photos, masks = find_paths(root, HOMES, ("JPEGImages",), ("SegmentationClass",))
    indices = {0: 0 if background else IGNORE} | {value: value - (not background) for value in range(1, CLASSES + 1)}
    return public_dataset(
        "voc21" if background else "voc20",
        classes="voc",
        background=background,
        items=voc_items(photos, masks),
        indices=indices,
    )


def voc_items(photos: Path, masks: Path) -> tuple[AnnotatedPhoto, ...]:
    """The photos named by VOC's list, which is beside the two folders; without a list, those that have a mask.

    Raises:
        DataError: The list cannot be used, or a photo or a mask is missing.
    """
    files = masks_by_name(masks, ".png")
    names = read_names(photos.parent, LISTS)
    return match_masks(sorted(files.paths) if names is None else names, photos_by_name(photos), files)
