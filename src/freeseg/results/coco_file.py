"""The masks of many photos as one COCO dataset, of which one photo at a time is in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freeseg.files import atomic_path, plain_number, printable
from freeseg.results.coco import coco_annotations, coco_categories
from freeseg.results.objects import Objects
from freeseg.results.run_files import refuse_foreign

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

DESCRIPTION = "photos segmented by FreeSeg"  # by which a file is known to be FreeSeg's
_IN_MEMORY = 16_000_000  # bytes of annotations, before they are kept in a file


def write_dataset(
    path: Path,
    *,
    categories: Iterable[Any],
    images: Iterable[Any],
    annotations: Iterable[str],
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write a COCO dataset that `pycocotools.coco.COCO` loads.

    Args:
        path: Where to.
        categories: As `freeseg.results.coco` has them.
        images: The entries of the photos.
        annotations: The annotations, each as JSON.
        info: What is said about the dataset.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("{")
        if info is not None:
            file.write(f'"info": {json.dumps(info)},\n')
        file.writelines(_array("categories", map(json.dumps, categories)))
        file.write(",\n")
        file.writelines(_array("images", map(json.dumps, images)))
        file.write(",\n")
        file.writelines(_array("annotations", annotations))
        file.write("}\n")


class CocoFile:
    """The COCO dataset of a run. Photos and annotations are numbered from 1, in the order of the photos.

    Args:
        path: Where it will be.
        labels: Of the masks.
        objects: What has an annotation, and how its outline is written.
    """

    holds_results = True

    def __init__(self, path: Path, labels: Sequence[str], objects: Objects):
        self.path = path
        self._labels, self._objects = labels, objects
        self._images: list[dict[str, Any]] = []
        self._written = 0
        self._annotations = tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8")  # noqa: SIM115

    def check(self, *, overwrite: bool) -> None:
        """Refuse to write over a file that is not such a dataset.

        Raises:
            OutputError: There is one, and `overwrite` does not allow it.
        """
        refuse_foreign(self.path, DESCRIPTION.encode(), "COCO dataset", overwrite=overwrite)

    def add(self, result: Segmentation, stem: str) -> None:
        """Take up a photo. Its file_name is the path of its file as it was given, or its name where there is none."""
        height, width = result.mask.shape
        number = len(self._images) + 1
        self._images.append({"id": number, "file_name": printable(result.reference), "width": width, "height": height})
        found = coco_annotations(
            result.mask, result.confidence, result.labels, image_id=number, first_id=0, objects=self._objects
        )
        for annotation in found:
            self._written += 1
            line = json.dumps(annotation | {"id": self._written}, default=plain_number)
            self._annotations.write(line + "\n")

    def write(self) -> None:
        """Write the dataset.

        Raises:
            OutputError: It cannot be written.
        """
        self._annotations.seek(0)
        write_dataset(
            self.path,
            info={"description": DESCRIPTION},
            categories=coco_categories(self._labels),
            images=self._images,
            annotations=(line.rstrip("\n") for line in self._annotations),
        )
        self._annotations.close()


def _array(name: str, items: Iterable[str]) -> Iterator[str]:
    """An array of a JSON object, in pieces."""
    yield f'"{name}": ['
    for number, item in enumerate(items):
        yield (",\n" if number else "\n") + item
    yield "\n]"
