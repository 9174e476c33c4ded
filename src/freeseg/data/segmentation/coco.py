"""COCO's 2017 validation photos: COCO-Stuff (171 classes) and COCO-Object (80 things and the background)."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.segmentation.dataset import SegmentationData, public_dataset
from freeseg.data.segmentation.instances import load_instances
from freeseg.data.segmentation.kinds import Kind, choose
from freeseg.data.segmentation.layout import Files, join, photos_in, places
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
    """COCO-Object is COCO-Stuff with all stuff, and what is unlabelled, as background (GroupViT's converter)."""
    return {value: index + 1 if index < len(THINGS) else 0 for value, index in classes.items()} | {IGNORE: 0}


STUFF_KINDS = (Kind("_labelTrainIds.png", _CONVERTED), Kind(".png", _RAW))
OBJECT_KINDS = (
    Kind("_instanceTrainIds.png", {index: index for index in range(len(THINGS) + 1)}),
    Kind("_labelTrainIds.png", _only_things(_CONVERTED)),
    Kind(".png", _only_things(_RAW)),
)


def open_coco_stuff(root: Path) -> SegmentationData:
    """`images/val2017/` and `annotations/val2017/`, with the official PNGs (ids 0-181 of which 171 are used) or
    mmsegmentation's `*_labelTrainIds.png` (0-170); 255 is unlabelled.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = places(root, ("",), PHOTOS, (MASKS,))
    files = photos_in(photos)
    found, kind = choose(STUFF_KINDS, files.paths, masks)
    return public_dataset(
        "coco-stuff164k", "coco-stuff164k", False, join(sorted(files.paths), files, found), kind.indices
    )


def open_coco_object(root: Path) -> SegmentationData:
    """`images/val2017/` and `annotations/val2017/` with GroupViT's `*_instanceTrainIds.png` (0 is the background)
    or with COCO-Stuff's masks, which are converted in the same way; else `annotations/instances_val2017.json`.

    The json gives similar masks, not the published ones: the smaller of two objects is on top, and crowds do not
    count, as in COCO's own evaluation.

    Raises:
        DataError: The layout is another, or a mask is missing.
    """
    photos, masks = places(root, ("",), PHOTOS, (MASKS, INSTANCES))
    files = photos_in(photos)
    if masks.suffix == ".json":
        names = sorted(load_instances(masks).images)
        items = join(names, files, Files(masks.parent, masks.name, dict.fromkeys(names, masks)))
        things = {number: index + 1 for index, number in enumerate(THINGS)}
        return public_dataset("coco-object", "coco-object", True, items, {0: 0} | things)
    found, kind = choose(OBJECT_KINDS, files.paths, masks)
    return public_dataset("coco-object", "coco-object", True, join(sorted(files.paths), files, found), kind.indices)
