"""ADE20K: the 150 classes of its scene parsing benchmark."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.layout import join, named, photos_in, places, scan
from freeseg.mask_values import IGNORE

CLASSES = 150


def open_ade20k(root: Path) -> SegmentationData:
    """`images/validation/` and `annotations/validation/`, in `root` or in `ADEChallengeData2016` below it.

    Index 0 of the masks is "other", which does not count; 1 to 150 become 0 to 149.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = places(root, ("", "ADEChallengeData2016"), ("images/validation",), ("annotations/validation",))
    files = photos_in(photos)
    items = join(sorted(files.paths), files, named(masks, scan(masks), ".png"))
    indices = {0: IGNORE} | {value: value - 1 for value in range(1, CLASSES + 1)}
    return public_dataset("ade20k", "ade20k", False, items, indices)
