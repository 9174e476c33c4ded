"""All masks of a folder as one COCO dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from freeseg.data.free_masks import FreeMasks
from freeseg.mask_values import IGNORE, Mask
from freeseg.results.coco import coco_annotations, coco_categories
from freeseg.results.coco_file import write_dataset


def write_coco(
    masks: FreeMasks, path: Path, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Write all masks as one file that `pycocotools.coco.COCO` loads.

    One mask is in memory at a time. Categories and annotations are those of `freeseg.results.coco`. A photo's file_name
    is "SOURCE/FILE", and its id is its place in the manifest, from 1.

    Args:
        masks: The folder of free masks.
        path: Where to.
        progress: Called after each photo with how many photos are done, and of how many.

    Raises:
        DataError: A mask is missing or damaged.
        OutputError: The file cannot be written.
    """
    images = (
        {"id": number, "file_name": f"{entry.source}/{entry.file}", "width": entry.width, "height": entry.height}
        for number, entry in enumerate(masks.entries, start=1)
    )
    write_dataset(
        path,
        categories=coco_categories(masks.labels),
        images=images,
        annotations=map(json.dumps, _annotations(masks, progress)),
    )


def _annotations(masks: FreeMasks, progress: Callable[[int, int], None]) -> Iterator[dict[str, Any]]:
    for number, entry in enumerate(masks.entries, start=1):
        indices = masks.mask(entry)
        mask: Mask = indices.astype(np.uint8) if len(masks.labels) <= IGNORE else indices.astype(np.uint16)
        first_id = (number - 1) * len(masks.labels) + 1
        yield from coco_annotations(mask, masks.confidence(entry), masks.labels, image_id=number, first_id=first_id)
        progress(number, len(masks.entries))
