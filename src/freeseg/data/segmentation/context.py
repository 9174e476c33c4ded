"""PASCAL Context: 59 classes, with the background (context60) or without (context59)."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.layout import find_paths, masks_by_name, match_masks, photos_by_name, read_names
from freeseg.errors import DataError
from freeseg.mask_values import IGNORE

HOMES = ("", "VOC2010", "VOCdevkit/VOC2010")
MASKS = ("SegmentationClassContext", "trainval")
# VOC 2010's own validation list is Context's: both divide the same 10,103 photos.
LISTS = ("val.txt", "ImageSets/SegmentationContext/val.txt", "ImageSets/Main/val.txt")
ALL = 459
# fmt: off
FREQUENT = (  # the numbers of the 59 classes among the 459 of the full annotations
    2, 9, 18, 19, 22, 23, 25, 31, 33, 34, 44, 45, 46, 59, 65, 68, 72, 80, 85, 98, 104, 105, 113, 115, 144, 158, 159,
    162, 187, 189, 207, 220, 232, 258, 259, 260, 284, 295, 296, 308, 324, 326, 347, 349, 354, 355, 360, 366, 368, 397,
    415, 416, 420, 424, 427, 440, 445, 454, 458,
)
# fmt: on


def open_context(root: Path, *, background: bool) -> SegmentationData:
    """Open PASCAL Context: `JPEGImages/`, a list of names and the masks, in one of `HOMES` below `root`.

    The masks are `SegmentationClassContext/*.png` as mmsegmentation's converter writes them (0 is the background), or
    the official annotations of all 459 classes, `trainval/*.mat`, of which the other 400 are background.

    Args:
        root: The folder.
        background: Whether the background is a class (context60) or does not count (context59).

    Raises:
        DataError: The layout is another, there is no list, or a photo or a mask is missing.
    """
    photos, masks = find_paths(root, HOMES, ("JPEGImages",), MASKS)
    names = read_names(photos.parent, LISTS)
    if names is None:  # the folders hold training photos as well
        raise DataError(f"{photos.parent}: a list of photos was looked for in {' and '.join(LISTS)}; put one there")
    full = masks.name == MASKS[1]
    values = FREQUENT if full else range(1, len(FREQUENT) + 1)
    outside = 0 if background else IGNORE
    indices = dict.fromkeys(range(ALL + 1) if full else (0,), outside)
    indices |= {value: index + background for index, value in enumerate(values)}
    items = match_masks(names, photos_by_name(photos), masks_by_name(masks, ".mat" if full else ".png"))
    return public_dataset(
        "context60" if background else "context59",
        classes="context",
        background=background,
        items=items,
        indices=indices,
    )
