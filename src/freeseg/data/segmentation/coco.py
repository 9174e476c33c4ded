"""COCO's 2017 validation photos: COCO-Stuff (171 classes) and COCO-Object (80 things and the background)."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.instances import load_instances
from freeseg.data.segmentation.kinds import MaskKind, dataset_of_kinds
from freeseg.data.segmentation.layout import NamedFiles, find_paths, match_masks, photos_by_name
from freeseg.mask_values import IGNORE

PHOTOS = ("images/val2017", "val2017")
MASKS = "annotations/val2017"
INSTANCES = "annotations/instances_val2017.json"

# Category ids that COCO announced but never annotated: 80 of 91 things are left (COCO-Stuff, labels.md).
ABSENT = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91)
THINGS = tuple(number for number in range(1, 92) if number not in ABSENT)
STUFF = tuple(range(92, 183))
CLASSES = (*THINGS, *STUFF)

_CONVERTED = {index: index for index in range(len(CLASSES))}
_RAW = {number - 1: index for index, number in enumerate(CLASSES)}  # COCO-Stuff's PNGs count from 0


def _only_things(classes: dict[int, int]) -> dict[int, int]:
    """COCO-Object is COCO-Stuff with all stuff and all unlabelled pixels as background (GroupViT's converter)."""
    return {value: index + 1 if index < len(THINGS) else 0 for value, index in classes.items()} | {IGNORE: 0}


STUFF_KINDS = (MaskKind("_labelTrainIds.png", _CONVERTED), MaskKind(".png", _RAW))
OBJECT_KINDS = (
    MaskKind("_instanceTrainIds.png", {index: index for index in range(len(THINGS) + 1)}),
    MaskKind("_labelTrainIds.png", _only_things(_CONVERTED)),
    MaskKind(".png", _only_things(_RAW)),
)


def open_coco_stuff(root: Path) -> SegmentationData:
    """Open COCO-Stuff: `images/val2017/` and `annotations/val2017/`.

    The masks are the official PNGs (ids from 0 to 181, of which 171 are used) or mmsegmentation's
    `*_labelTrainIds.png` (0 to 170); 255 is unlabelled.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = find_paths(root, ("",), PHOTOS, (MASKS,))
    return dataset_of_kinds("coco-stuff164k", STUFF_KINDS, photos_by_name(photos), masks)


def open_coco_object(root: Path) -> SegmentationData:
    """Open COCO-Object: `images/val2017/`, and masks in `annotations/val2017/` or `annotations/instances_val2017.json`.

    The masks are GroupViT's `*_instanceTrainIds.png` (0 is the background), or COCO-Stuff's, which are converted in
    the same way. The JSON gives similar masks but not the published ones: the smaller of two objects is on top, and
    crowds do not count, as in COCO's own evaluation.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = find_paths(root, ("",), PHOTOS, (MASKS, INSTANCES))
    files = photos_by_name(photos)
    if masks.suffix == ".json":
        names = sorted(load_instances(masks).images)
        items = match_masks(names, files, NamedFiles(masks.parent, masks.name, dict.fromkeys(names, masks)))
        things = {number: index + 1 for index, number in enumerate(THINGS)}
        return public_dataset(
            "coco-object", classes="coco-object", background=True, items=items, indices={0: 0} | things
        )
    return dataset_of_kinds("coco-object", OBJECT_KINDS, files, masks, background=True)
