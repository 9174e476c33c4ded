"""YOLO's label files, read by the rules that ultralytics documents: class x1 y1 x2 y2 ..., in shares of the photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

from freeseg.errors import OutputError
from freeseg.results.marks import read_mark
from freeseg.results.segmentation import Segmentation
from freeseg.results.yolo import YoloClasses, yolo_names, yolo_text

SCALE = 8  # pixels of the drawn picture for one of the mask


def result(mask: np.ndarray, labels: tuple[str, ...] = ("background", "ring", "block"), **of: str) -> Segmentation:
    height, width = mask.shape
    return Segmentation(mask, np.ones(mask.shape, np.float32), labels, Image.new("RGB", (width, height)), **of)


@pytest.fixture
def shapes() -> np.ndarray:
    """Two rings of label 1, a speck, and a block of label 2."""
    rows, columns = np.mgrid[:200, :300]
    mask = np.zeros((200, 300), np.uint8)
    for x, outer, inner in ((70, 60, 25), (250, 30, 12)):
        distance = np.hypot(rows - 100, columns - x)
        mask[(distance < outer) & (distance > inner)] = 1
    mask[2, 2] = 1
    mask[10:60, 150:200] = 2
    return mask


def read(text: str, size: tuple[int, int]) -> list[tuple[int, np.ndarray]]:
    """The class and the pixels of each line."""
    found = []
    for line in text.splitlines():
        number, *points = line.split()
        xy = np.array(points, np.float64).reshape(-1, 2)
        assert ((xy >= 0) & (xy <= 1)).all()
        picture = Image.new("1", (SCALE * size[0], SCALE * size[1]))
        ImageDraw.Draw(picture).polygon([tuple(each) for each in xy * picture.size - 0.5], fill=1)
        found.append((int(number), np.asarray(picture)[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]))
    return found


def test_each_part_is_a_line_of_its_area(shapes: np.ndarray, tmp_path: Path) -> None:
    [path] = result(shapes).save(tmp_path, "cat", formats="yolo")
    assert path == tmp_path / "cat.txt"
    found = read(path.read_text(), (300, 200))
    assert [number for number, _ in found] == [0, 0, 1]  # the speck is none
    areas = [(shapes[:, :150] == 1).sum() - 1, (shapes[:, 150:] == 1).sum(), (shapes == 2).sum()]
    assert [inside.sum() for _, inside in found] == pytest.approx(areas, rel=0.01)
    for number, inside in found:
        assert (inside & (shapes == number + 1)).sum() > 0.98 * inside.sum()
    assert not found[0][1][100, 70]  # the hole of the ring


def test_the_smallest_part_can_be_chosen(shapes: np.ndarray, tmp_path: Path) -> None:
    [path] = result(shapes).save(tmp_path, formats="yolo", min_area=0)
    assert len(path.read_text().splitlines()) == 4
    [path] = result(shapes).save(tmp_path, formats="yolo", min_area=3_000)  # again: it is FreeSeg's own file
    assert len(path.read_text().splitlines()) == 1


def test_a_photo_without_objects_is_an_empty_file(tmp_path: Path) -> None:
    [path] = result(np.zeros((4, 5), np.uint8)).save(tmp_path, formats="yolo")
    assert path.read_text().strip() == ""
    assert read_mark(path) is not None


def test_classes_are_the_labels_in_their_order() -> None:
    assert yolo_names(("background", "cat", "dog")) == ["cat", "dog"]
    assert yolo_names(("cat", "dog")) == ["cat", "dog"]
    many = (*map(str, range(255)), "don't know", "255")
    assert yolo_names(many) == [*map(str, range(256))]
    [(number, _)] = read(yolo_text(result(np.full((2, 2), 256, np.uint16), many)), (2, 2))
    assert number == 255


@pytest.mark.parametrize(
    "content", ["0 0.5 0.5 0.1 0.1\n", "0 0.1 0.2 0.3 0.4 0.5 0.6\n", "a photo of a cat", "# labels\n"]
)
def test_labels_of_another_program_are_kept(shapes: np.ndarray, tmp_path: Path, content: str) -> None:
    (tmp_path / "cat.txt").write_text(content)
    with pytest.raises(OutputError, match=r"cat\.txt is there already, and FreeSeg did not write it"):
        result(shapes).save(tmp_path, "cat", formats="yolo")
    assert (tmp_path / "cat.txt").read_text() == content
    assert read_mark(tmp_path / "cat.txt") is None
    result(shapes).save(tmp_path, "cat", formats="yolo", overwrite=True)
    assert read_mark(tmp_path / "cat.txt") is not None


class TestClasses:
    def test_the_file_of_a_run_is_read_back(self, tmp_path: Path) -> None:
        labels = ("background", "cat: or dog", 'a "quoted" #1', "猫", "yes")
        classes = YoloClasses(tmp_path / "set" / "labels", labels, [tmp_path / "set" / "images"] * 2)
        for _ in range(2):
            classes.check(overwrite=False)
            classes.write()
        content = yaml.safe_load((tmp_path / "set" / "labels" / "data.yaml").read_text("utf-8"))
        assert content == {
            "train": ["../images"],
            "val": ["../images"],
            "names": dict(enumerate(labels[1:])),
        }

    def test_another_file_is_not_written_over(self, tmp_path: Path) -> None:
        (tmp_path / "data.yaml").write_text("names: [cat]\n")
        classes = YoloClasses(tmp_path, ("cat",), [])
        with pytest.raises(OutputError, match=r"data\.yaml is there, and is no list of classes of FreeSeg; "):
            classes.check(overwrite=False)
        classes.check(overwrite=True)


def test_labels_that_somebody_corrected_are_kept(shapes: np.ndarray, tmp_path: Path) -> None:
    [path] = result(shapes).save(tmp_path, "cat", formats="yolo")
    corrected = "".join(f"{line.strip()}\n" for line in path.read_text().splitlines()[1:])
    path.write_text(corrected)
    with pytest.raises(OutputError, match=r"cat\.txt is there already"):
        result(shapes).save(tmp_path, "cat", formats="yolo")
    assert path.read_text() == corrected
