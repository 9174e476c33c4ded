"""LabelMe files: the polygons of a result, of the areas that its mask has, and the photo that they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.results.labelme import labelme_file
from freeseg.results.segmentation import Segmentation

KEYS = {"version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth"}  # that LabelMe asks for
SHAPE_KEYS = {"label", "points", "group_id", "description", "shape_type", "flags", "mask"}


def area(points: list[list[float]]) -> float:
    x, y = np.array(points).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


@pytest.fixture
def result() -> Segmentation:
    """A ring, a speck and a block."""
    distance = np.hypot(*(np.mgrid[:200, :300] - 100))
    mask = np.where((distance > 30) & (distance < 70), 1, 0).astype(np.uint8)
    mask[3, 3] = 1
    mask[20:90, 220:290] = 2
    mask[100:, 220:] = 255
    return Segmentation(
        mask, np.ones(mask.shape, np.float32), ("background", "ring", "block"), Image.new("RGB", (300, 200)), "a.jpg"
    )


def test_areas_are_those_of_the_mask(result: Segmentation) -> None:
    file = labelme_file(result, "a.jpg")
    assert [shape["label"] for shape in file["shapes"]] == ["ring", "block"]  # the speck is none
    for shape in file["shapes"]:
        assert area(shape["points"]) == pytest.approx(result.label_mask(shape["label"]).sum(), rel=0.01)


def test_has_what_labelme_asks_for(result: Segmentation, tmp_path: Path) -> None:
    [path] = result.save(tmp_path, formats="labelme")
    assert path.name == "a.labelme.json"
    file = json.loads(path.read_text("utf-8"))
    assert file.keys() >= KEYS
    assert all(shape.keys() == SHAPE_KEYS and shape["shape_type"] == "polygon" for shape in file["shapes"])
    assert (file["imagePath"], file["imageWidth"], file["imageHeight"]) == ("a.jpg", 300, 200)


def test_names_the_photo_from_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "photos" / "cat.png")
    mask, confidence = np.ones((3, 4), np.uint8), np.ones((3, 4), np.float32)
    source = str(tmp_path / "photos" / "cat.png")
    result = Segmentation(mask, confidence, ("background", "cat"), Image.new("RGB", (4, 3)), "cat.png", source=source)
    for _ in range(2):  # again: it is FreeSeg's own file
        [path] = result.save(tmp_path / "out", formats="labelme")
        assert path == tmp_path / "out" / "cat.labelme.json"
    file = json.loads(path.read_text("utf-8"))
    assert (path.parent / file["imagePath"]).resolve() == Path(source)
    assert file["shapes"][0]["points"] == [[0, 0], [4, 0], [4, 3], [0, 3]]


def test_parts_have_numbers_where_they_are_instances(result: Segmentation, tmp_path: Path) -> None:
    [path] = result.save(tmp_path, formats="labelme", instances=True, min_area=0)
    shapes = json.loads(path.read_text("utf-8"))["shapes"]
    assert [(shape["label"], shape["group_id"]) for shape in shapes] == [("ring", 1), ("ring", 2), ("block", 3)]
    assert [area(shape["points"]) for shape in shapes][1:] == [1, 4_900]
    assert all(shape["group_id"] is None for shape in labelme_file(result, "a.jpg")["shapes"])
