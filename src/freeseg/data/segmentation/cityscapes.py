"""Cityscapes: the 19 classes that its benchmark counts."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData
from freeseg.data.segmentation.kinds import MaskKind, dataset_of_kinds
from freeseg.data.segmentation.layout import find_paths, photos_by_name
from freeseg.mask_values import IGNORE

IDS = 34  # ids in the masks, from 0; most are void or too rare to be counted
COUNTED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
KINDS = (
    MaskKind("_gtFine_labelTrainIds.png", {index: index for index in range(len(COUNTED))}),
    MaskKind(
        "_gtFine_labelIds.png",
        dict.fromkeys(range(IDS), IGNORE) | {number: index for index, number in enumerate(COUNTED)},
    ),
)


def open_cityscapes(root: Path) -> SegmentationData:
    """Open Cityscapes: `leftImg8bit/val/CITY/*_leftImg8bit.png`, and masks in `gtFine/val/CITY/`.

    The masks are those of train ids or those of original ids.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = find_paths(root, ("",), ("leftImg8bit/val",), ("gtFine/val",))
    files = photos_by_name(photos, mark="_leftImg8bit", deep=True)
    return dataset_of_kinds("cityscapes", KINDS, files, masks, deep=True)
