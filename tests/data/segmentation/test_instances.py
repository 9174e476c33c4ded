"""COCO-Object from the instance annotations: polygons, run-length codes, overlaps and crowds."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as codec

from freeseg.data.segmentation.instances import load_instances
from trees import Tree, truth, untrue

HEIGHT, WIDTH = 8, 10
FILE = "annotations/instances_val2017.json"


def box(left: int, top: int, right: int, bottom: int, category: int, crowd: int = 0) -> dict[str, Any]:
    """A rectangle as a polygon."""
    corners = [left, top, right, top, right, bottom, left, bottom]
    area = (right - left) * (bottom - top)
    return {"category_id": category, "iscrowd": crowd, "area": area, "segmentation": [corners]}


def coded(pixels: np.ndarray, category: int, crowd: int = 0, compressed: bool = False) -> dict[str, Any]:
    """Pixels as COCO codes them: lengths of runs of 0 and 1 in turn, down the columns."""
    runs, current = [0], 0
    for value in pixels.flatten(order="F"):
        if value != current:
            runs, current = [*runs, 0], value
        runs[-1] += 1
    code: dict[str, Any] = {"size": list(pixels.shape), "counts": runs}
    if compressed:
        code = codec.encode(np.asfortranarray(pixels.astype(np.uint8)))
        code["counts"] = code["counts"].decode()
    return {"category_id": category, "iscrowd": crowd, "area": int(pixels.sum()), "segmentation": code}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    tree.photo("val2017/000000000009.jpg", (WIDTH, HEIGHT))
    return tree


def annotate(tree: Tree, *annotations: dict[str, Any], **image: Any) -> None:
    """The annotations of the one photo; a file is read once, so it must be another one each time."""
    image = {"id": 9, "file_name": "000000000009.jpg", "height": HEIGHT, "width": WIDTH} | image
    tree.json(FILE, {"images": [image], "annotations": [{"image_id": 9, **one} for one in annotations]})
    load_instances.cache_clear()


def expected(*boxes: tuple[int, int, int, int, int]) -> list[list[int]]:
    drawn = np.zeros((HEIGHT, WIDTH), int)
    for left, top, right, bottom, index in boxes:
        drawn[top:bottom, left:right] = index
    return drawn.tolist()


def test_category_ids_become_indices_without_gaps(tree: Tree) -> None:
    annotate(tree, box(0, 0, 2, 2, 1), box(3, 0, 5, 2, 13), box(6, 0, 8, 2, 90))
    data = tree.open("coco-object")
    assert truth(data) == expected((0, 0, 2, 2, 1), (3, 0, 5, 2, 12), (6, 0, 8, 2, 80))
    assert [data.classes[i] for i in (0, 1, 12, 80)] == ["background", "person", "stop sign", "toothbrush"]


def test_of_several_polygons_all_count(tree: Tree) -> None:
    both = box(0, 0, 2, 2, 1)
    both["segmentation"] += box(4, 4, 7, 6, 1)["segmentation"]
    annotate(tree, both)
    assert truth(tree.open("coco-object")) == expected((0, 0, 2, 2, 1), (4, 4, 7, 6, 1))


@pytest.mark.parametrize("compressed", [False, True])
def test_run_length_codes(tree: Tree, compressed: bool) -> None:
    pixels = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.4
    annotate(tree, coded(pixels, 17, compressed=compressed))
    assert truth(tree.open("coco-object")) == (pixels * 16).tolist()


@pytest.mark.parametrize("turned", [False, True])
def test_the_smaller_of_two_is_on_top_in_any_order(tree: Tree, turned: bool) -> None:
    both = [box(0, 0, 8, 6, 67), box(2, 2, 4, 4, 47)]  # a cup on a table
    annotate(tree, *(both[::-1] if turned else both))
    assert truth(tree.open("coco-object")) == expected((0, 0, 8, 6, 61), (2, 2, 4, 4, 42))


@pytest.mark.parametrize("turned", [False, True])
def test_a_crowd_does_not_count_where_no_object_is(tree: Tree, turned: bool) -> None:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[1:3, 1:3] = True
    both = [coded(pixels, 1, crowd=1), box(0, 0, 2, 2, 1)]
    annotate(tree, *(both[::-1] if turned else both))
    assert truth(tree.open("coco-object")) == expected((1, 1, 3, 3, 255), (0, 0, 2, 2, 1))


def test_a_photo_without_annotations_is_all_background(tree: Tree) -> None:
    annotate(tree)
    assert truth(tree.open("coco-object")) == expected()


@pytest.mark.parametrize("category", [12, 91, 0])
def test_a_category_that_coco_does_not_have(tree: Tree, category: int) -> None:
    annotate(tree, box(0, 0, 2, 2, category))
    data = tree.open("coco-object")
    if category:
        assert f"holds {category}; coco-object has 0-11, 13-25" in untrue(data)
    else:
        assert truth(data) == expected()


def test_the_file_is_read_once(tree: Tree) -> None:
    annotate(tree, box(0, 0, 2, 2, 1))
    data = tree.open("coco-object")
    tree(FILE).unlink()
    assert truth(data) == expected((0, 0, 2, 2, 1))


def test_a_photo_that_is_missing(tree: Tree) -> None:
    annotate(tree, file_name="000000000010.jpg")
    assert "val2017/000000000010.jpg is missing" in tree.refused("coco-object")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": [{}]}', '{"images": [], "annotations": [{}]}', "\xff"])
def test_a_file_of_another_form(tree: Tree, text: str) -> None:
    tree(FILE).write_bytes(text.encode("latin-1"))
    load_instances.cache_clear()
    assert f"{tree(FILE)} is not COCO's instance annotations" in tree.refused("coco-object")


@pytest.mark.parametrize("change", [{"segmentation": 3}, {"segmentation": [[1]]}, {"area": None}, {"category_id": -1}])
def test_an_annotation_of_another_form(tree: Tree, change: dict[str, Any]) -> None:
    annotate(tree, {**box(0, 0, 2, 2, 1), **change}, box(0, 0, 3, 3, 1))
    assert "000000000009 is not in COCO's format" in untrue(tree.open("coco-object"))


def test_without_pycocotools(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real(name, *rest)

    annotate(tree, box(0, 0, 2, 2, 1))
    monkeypatch.setattr(builtins, "__import__", absent)
    assert 'need pycocotools: pip install "freeseg[eval]"' in tree.refused("coco-object")
