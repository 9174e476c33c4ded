"""ADE20K: the 150 classes of its scene parsing benchmark."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.layout import find_paths, masks_by_name, match_masks, photos_by_name
from freeseg.mask_values import IGNORE

CLASSES = 150


def open_ade20k(root: Path) -> SegmentationData:
    """Open ADE20K: `images/validation/` and `annotations/validation/`, in `root` or in `ADEChallengeData2016` below it.

    Value 0 of the masks is "other", which does not count; 1 to 150 become the indices 0 to 149.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = find_paths(root, ("", "ADEChallengeData2016"), ("images/validation",), ("annotations/validation",))
    files = photos_by_name(photos)
    items = match_masks(sorted(files.paths), files, masks_by_name(masks, ".png"))
    indices = {0: IGNORE} | {value: value - 1 for value in range(1, CLASSES + 1)}
    return public_dataset("ade20k", classes="ade20k", background=False, items=items, indices=indices)
