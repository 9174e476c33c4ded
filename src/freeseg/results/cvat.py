"""The masks of a run as a zip that CVAT imports: its format "Segmentation mask 1.1", which is close to Pascal VOC's.

`labelmap.txt` has a colour for each label, `SegmentationClass` a picture of labels and `SegmentationObject` one of
objects for each photo, and `ImageSets/Segmentation/default.txt` the photos' names without suffix, by which CVAT finds
them. "Don't know" is no label of CVAT and becomes background.
Source: https://docs.cvat.ai/docs/dataset_management/formats/format-smask.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from freeseg.errors import OutputError
from freeseg.files import FLAT_PNG, atomic_path, encode_picture, path_for_message, printable
from freeseg.mask_values import BACKGROUND, has_background, label_values
from freeseg.results.drawing import palette
from freeseg.results.objects import Objects
from freeseg.results.parts import find_parts

if TYPE_CHECKING:
    from freeseg.results.segmentation import Segmentation

_COMMENT = b"Written by FreeSeg."
_IN_MEMORY = 64_000_000  # bytes of the archive, before it is kept in a file


class CvatFile:
    """The archive of a run.

    Args:
        path: Where it will be.
        labels: Of the masks.
        objects: Whether each connected part of a label is an object of its own, and which parts are too small. Those
            that are too small are in the picture of labels only.
    """

    holds_results = True

    def __init__(self, path: Path, labels: Sequence[str], objects: Objects):
        self.path = path
        self._labels, self._objects = labels, objects
        self._stems: list[str] = []
        self._content = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        """Not before there is something to write: an archive that is dropped complains."""
        return zipfile.ZipFile(self._content, "w")

    def check(self, *, overwrite: bool) -> None:
        """Refuse to write over a file that is not such an archive.

        Raises:
            OutputError: There is one, and `overwrite` does not allow it.
        """
        if overwrite or not self.path.exists():
            return
        try:
            with zipfile.ZipFile(self.path) as archive:
                own = archive.comment == _COMMENT
        except (OSError, zipfile.BadZipFile):
            own = False
        if not own:
            there = path_for_message(self.path)
            raise OutputError(f"{there} is there, and is no CVAT archive of FreeSeg; name another, or --overwrite")

    def add(self, result: Segmentation, stem: str) -> None:
        """Take up a photo."""
        self._stems.append(printable(stem))
        values = _colour_values(self._labels)
        classes = np.zeros(max(len(values), 256), np.int64)  # "don't know" stays 0
        classes[label_values(self._labels)] = [values[value] for value in label_values(self._labels)]
        self._write("SegmentationClass", stem, classes[result.mask])
        self._write("SegmentationObject", stem, self._numbered(result, classes))

    def _numbered(self, result: Segmentation, classes: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """A picture of the objects of a photo, each with a number of its own."""
        if not self._objects.instances:
            return np.asarray(classes[result.mask])
        values = [value for value in label_values(self._labels) if classes[value]]
        least = self._objects.least_pixels(result.mask.size)
        return find_parts(result.mask, values, least_pixels=least).numbers

    def _write(self, folder: str, stem: str, numbers: npt.NDArray[Any]) -> None:
        """Write a picture in which each number has its colour of the VOC map."""
        picture = Image.fromarray(palette(int(numbers.max()) + 1)[numbers])
        self._archive.writestr(
            zipfile.ZipInfo(f"{folder}/{printable(stem)}.png"), encode_picture(picture, "PNG", **FLAT_PNG)
        )

    def write(self) -> None:
        """Write the archive.

        Raises:
            OutputError: It cannot be written.
        """
        listed = "".join(f"{stem}\n" for stem in self._stems)
        self._archive.writestr(zipfile.ZipInfo("labelmap.txt"), label_map(self._labels))
        self._archive.writestr(zipfile.ZipInfo("ImageSets/Segmentation/default.txt"), listed)
        self._archive.comment = _COMMENT
        self._archive.close()
        self._content.seek(0)
        with atomic_path(self.path) as temporary, temporary.open("wb") as file:
            shutil.copyfileobj(self._content, file)
        self._content.close()


def label_map(labels: Sequence[str]) -> str:
    """The file that says which label has which colour: name, colour, parts and actions, with colons between.

    Example:
        >>> print(label_map(["background", "cat"]), end="")
        # label:color_rgb:parts:actions
        background:0,0,0::
        cat:128,0,0::
    """
    values = _colour_values(labels)
    colours = palette(max(values.values(), default=0) + 1)
    lines = ["# label:color_rgb:parts:actions", f"{BACKGROUND}:0,0,0::"]
    for value, number in values.items():
        if number:
            name = printable(labels[value]).replace(":", " ").lstrip("#")
            lines.append(f"{name}:{','.join(map(str, colours[number].tolist()))}::")
    return "\n".join(lines) + "\n"


def _colour_values(labels: Sequence[str]) -> dict[int, int]:
    """The place of each mask value's colour in the VOC map: 0 for the background, and for nothing else."""
    return {value: value + int(not has_background(labels)) for value in label_values(labels)}
