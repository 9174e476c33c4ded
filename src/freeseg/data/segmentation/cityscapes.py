"""Cityscapes: the 19 classes that its benchmark counts."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.kinds import Kind, choose
from freeseg.data.segmentation.layout import join, photos_in, places
from freeseg.mask_values import IGNORE

IDS = 34  # ids in the masks, from 0; most are void or too rare to count
COUNTED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
KINDS = (
    Kind("_gtFine_labelTrainIds.png", {index: index for index in range(len(COUNTED))}),
    Kind(
        "_gtFine_labelIds.png",
        dict.fromkeys(range(IDS), IGNORE) | {number: index for index, number in enumerate(COUNTED)},
    ),
)


def open_cityscapes(root: Path) -> SegmentationData:
    """`leftImg8bit/val/CITY/*_leftImg8bit.png`, and in `gtFine/val/CITY/` the train ids or the original ids.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = places(root, ("",), ("leftImg8bit/val",), ("gtFine/val",))
    files = photos_in(photos, "_leftImg8bit", deep=True)
    found, kind = choose(KINDS, files.paths, masks, deep=True)
    return public_dataset("cityscapes", "cityscapes", False, join(sorted(files.paths), files, found), kind.indices)
