"""Objects as YOLO segmentation has them: a text file of polygons beside or parallel to each photo, and `data.yaml`.

A line is an object: the class, then x and y of each point, divided by the photo's width and height. Neither comments
nor holes exist: a polygon goes to each hole, around it and back along the same line, as ultralytics joins the parts of
COCO's polygons. ultralytics finds the labels of `images/a.jpg` in `labels/a.txt`, and of a photo that is in no folder
called `images` beside it. Source: https://docs.ultralytics.com/datasets/segment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from freeseg.files import printable, text_bytes, write_bytes
from freeseg.mask_values import has_background, label_values
from freeseg.results.objects import Objects
from freeseg.results.parts import find_parts
from freeseg.results.run_files import refuse_foreign

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

CLASSES = "data.yaml"
_HEAD = "# Written by FreeSeg."
_DIGITS = 6


def yolo_names(labels: Sequence[str]) -> list[str]:
    """The names of the classes of masks with these labels, by class: all but the background, in their order.

    Example:
        >>> yolo_names(["background", "cat", "dog"])
        ['cat', 'dog']
    """
    return [printable(labels[value]) for value in _class_values(labels)]


def yolo_text(result: Segmentation, objects: Objects | None = None) -> str:
    """A result as the content of a YOLO label file: a line for each connected part of each label.

    A class's number is the place of its label in the list of labels, so that it is the same for all photos of a run.

    Args:
        result: The result; the background is no class.
        objects: Which parts are too small.

    Example:
        >>> import freeseg, numpy as np
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
        >>> yolo_text(result)[:43]
        '0 0.000000 0.000000 1.000000 0.000000 1.000'
    """
    least = (objects or Objects()).least_pixels(result.mask.size)
    number_of = {value: number for number, value in enumerate(_class_values(result.labels))}
    parts = find_parts(result.mask, list(number_of), least_pixels=least)
    size = np.array(result.photo.size)
    lines = []
    for number, value in enumerate(parts.values.tolist(), start=1):
        points = (parts.outline(number, least_hole=least) / size).ravel().tolist()
        lines.append(f"{number_of[value]} {' '.join(f'{each:.{_DIGITS}f}' for each in points)}\n")
    return "".join(lines)


class YoloClasses:
    """`data.yaml` of a run: the folders of the photos and the names of the classes.

    Args:
        folder: Where the label files go; the file is written there.
        labels: Of the masks.
        photos: The folders that the photos are in.
    """

    holds_results = False

    def __init__(self, folder: Path, labels: Sequence[str], photos: Iterable[Path]):
        self.path = folder / CLASSES
        self._labels = labels
        self._photos = list(dict.fromkeys(_seen_from(folder, photo) for photo in photos))

    def check(self, *, overwrite: bool) -> None:
        """Refuse to write over a file that FreeSeg did not write.

        Raises:
            OutputError: There is one, and `overwrite` does not allow it.
        """
        refuse_foreign(self.path, _HEAD.encode(), "list of classes", overwrite=overwrite)

    def add(self, result: Segmentation, stem: str) -> None:
        """Nothing: what a photo shows is in its own file."""

    def write(self) -> None:
        """Write the file.

        Raises:
            OutputError: It cannot be written.
        """
        photos = [f"  - {_quoted(photo)}" for photo in self._photos]
        names = [f"  {number}: {_quoted(name)}" for number, name in enumerate(yolo_names(self._labels))]
        lines = [
            f"{_HEAD} The folders are seen from this file's own; name photos of their own for val.",
            *("train:", *photos),
            *("val:", *photos),
            *("names:", *names),
        ]
        write_bytes(self.path, text_bytes("\n".join(lines) + "\n"))


def _class_values(labels: Sequence[str]) -> list[int]:
    """The mask value of each class."""
    return label_values(labels)[int(has_background(labels)) :]


def _seen_from(folder: Path, photos: Path) -> str:
    try:
        return Path(os.path.relpath(photos.absolute(), folder.absolute())).as_posix()
    except ValueError:  # it is on another drive
        return photos.absolute().as_posix()


def _quoted(text: str) -> str:
    """A text as YAML: JSON's texts are texts of YAML."""
    return json.dumps(printable(text), ensure_ascii=not text.isprintable())
