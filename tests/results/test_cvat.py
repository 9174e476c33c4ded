"""The archive for CVAT, read as its documentation has it: pictures whose colours are those of the label map."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import OutputError
from freeseg.results.cvat import CvatFile, label_map
from freeseg.results.objects import Objects
from freeseg.results.segmentation import Segmentation

MASK = np.array([[0, 1, 1, 255], [2, 0, 0, 1]], np.uint8)


def archive(path: Path, mask: np.ndarray, labels: tuple[str, ...], objects: Objects) -> zipfile.ZipFile:
    height, width = mask.shape
    result = Segmentation(mask, np.ones(mask.shape, np.float32), labels, Image.new("RGB", (width, height)))
    written = CvatFile(path, labels, objects)
    written.check(overwrite=False)
    written.add(result, "b/cat")
    written.write()
    return zipfile.ZipFile(path)


def colours(read: zipfile.ZipFile, folder: str) -> np.ndarray:
    with Image.open(io.BytesIO(read.read(f"{folder}/b/cat.png"))) as picture:
        return np.array(picture.convert("RGB"))


def labels_of(read: zipfile.ZipFile) -> dict[tuple[int, ...], str]:
    lines = [line.split(":") for line in read.read("labelmap.txt").decode().splitlines() if not line.startswith("#")]
    assert all(len(line) == 4 for line in lines)
    return {tuple(map(int, colour.split(","))): name for name, colour, _parts, _actions in lines}


@pytest.mark.parametrize("labels", [("background", "cat", "dog"), ("sky", "cat", "dog")])
@pytest.mark.parametrize("instances", [False, True])
def test_every_pixel_has_its_label(labels: tuple[str, ...], instances: bool, tmp_path: Path) -> None:
    for _ in range(2):  # again: it is FreeSeg's own file
        read = archive(tmp_path / "all.zip", MASK, labels, Objects(instances, min_area=0))
    assert read.read("ImageSets/Segmentation/default.txt") == b"b/cat\n"
    name_of = labels_of(read)
    assert sorted(name_of.values()) == sorted({"background", *labels})
    found = [[name_of[tuple(pixel)] for pixel in row] for row in colours(read, "SegmentationClass").tolist()]
    assert found == [[labels[value] if value != 255 else "background" for value in row] for row in MASK.tolist()]
    objects = colours(read, "SegmentationObject")
    same = [(objects[0, 1] == objects[y, x]).all() for y, x in ((0, 2), (1, 3), (1, 0), (0, 3))]
    assert same == [True, not instances, False, False]
    assert objects[0, 3].tolist() == [0, 0, 0]


def test_more_labels_than_a_palette_has() -> None:
    labels = ("background", *map(str, range(1, 255)), "don't know", *map(str, range(256, 700)))
    lines = label_map(labels).splitlines()[1:]
    assert len({line.split(":")[1] for line in lines}) == len(lines) == len(labels) - 1


def test_a_colon_is_no_part_of_a_name() -> None:
    assert label_map(["cat: tabby"]).splitlines()[2] == "cat  tabby:128,0,0::"


def test_another_file_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as mine:
        mine.writestr("a", "b")
    written = CvatFile(path, ("cat",), Objects())
    for content in (path.read_bytes(), b"mine"):
        path.write_bytes(content)
        with pytest.raises(
            OutputError, match=r"mine\.zip is there, and is no CVAT archive of FreeSeg; name another, or"
        ):
            written.check(overwrite=False)
    written.check(overwrite=True)
