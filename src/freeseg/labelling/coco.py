"""All masks of a folder as one COCO dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from freeseg.data.free_masks import FreeMasks
from freeseg.files import atomic_path
from freeseg.mask_values import BACKGROUND, IGNORE
from freeseg.results.segmentation import Segmentation


def write_coco(masks: FreeMasks, path: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write what `pycocotools.coco.COCO` loads, a mask at a time: memory does not grow with their number.

    A photo's file_name is "SOURCE/FILE" and its id its place in the manifest, from 1; a category's id is its mask
    value; annotations are those of `Segmentation.to_coco`.

    Raises:
        DataError: A mask is missing or damaged.
        OutputError: The file cannot be written.
    """
    names = enumerate(masks.labels)
    categories = ({"id": value, "name": name} for value, name in names if value != IGNORE and name != BACKGROUND)
    images = (
        {"id": number, "file_name": f"{entry.source}/{entry.file}", "width": entry.width, "height": entry.height}
        for number, entry in enumerate(masks.entries, start=1)
    )
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("{")
        file.writelines(_array("categories", categories))
        file.write(",\n")
        file.writelines(_array("images", images))
        file.write(",\n")
        file.writelines(_array("annotations", _annotations(masks, progress)))
        file.write("}\n")


def _annotations(masks: FreeMasks, progress: Callable[[int, int], None]) -> Iterator[dict[str, Any]]:
    for number, entry in enumerate(masks.entries, start=1):
        unseen = Image.new("RGB", (entry.width, entry.height))
        mask = masks.mask(entry)
        narrow = mask.astype(np.uint8) if len(masks.labels) <= IGNORE else mask.astype(np.uint16)
        yield from Segmentation(narrow, masks.confidence(entry), masks.labels, unseen).to_coco(number)["annotations"]
        progress(number, len(masks.entries))


def _array(name: str, items: Iterable[Any]) -> Iterator[str]:
    """An array of a JSON object, piece by piece."""
    yield f'"{name}": ['
    for number, item in enumerate(items):
        yield (",\n" if number else "\n") + json.dumps(item)
    yield "\n]"
