"""COCO-Stuff and COCO-Object: 171 of 182 ids, 80 of 91, and three kinds of PNG side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from freeseg.data.segmentation.coco import ABSENT
from trees import Tree, truth, untrue

# COCO-Stuff's labels.txt counts from 1, its PNGs from 0.
RAW = {0: "person", 10: "fire hydrant", 12: "stop sign", 24: "giraffe", 26: "backpack", 89: "toothbrush"}
RAW |= {91: "banner", 95: "building-other", 168: "tree", 181: "wood"}
NAME = "000000000139"
MASKS = f"annotations/val2017/{NAME}"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """One photo, no mask."""
    tree = Tree(tmp_path)
    tree.photo(f"images/val2017/{NAME}.jpg")
    return tree


class TestStuff:
    def test_original_ids(self, tree: Tree) -> None:
        tree.mask(f"{MASKS}.png", [[*RAW, 255]])
        data = tree.open("coco-stuff164k")
        (*indices, ignored) = truth(data)[0]
        assert [data.classes[i] for i in indices] == list(RAW.values())
        assert ignored == 255
        assert len(data.classes) == 171
        assert not data.has_background

    def test_171_ids_are_used_in_order(self, tree: Tree) -> None:
        absent = [number - 1 for number in ABSENT]
        used = [value for value in range(182) if value not in absent]
        assert len(used) == 171
        tree.mask(f"{MASKS}.png", [used])
        assert truth(tree.open("coco-stuff164k")) == [list(range(171))]

    @pytest.mark.parametrize("value", [11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90, 182])
    def test_the_ids_that_coco_never_used(self, tree: Tree, value: int) -> None:
        tree.mask(f"{MASKS}.png", [[0, value]])
        assert f"holds {value}; coco-stuff164k has 0-10, 12-24, 26-27," in untrue(tree.open("coco-stuff164k"))

    def test_converted_masks_come_first_and_are_not_converted_again(self, tree: Tree) -> None:
        tree.mask(f"{MASKS}.png", [[12, 181, 255]])
        tree.mask(f"{MASKS}_labelTrainIds.png", [[11, 170, 255]])
        data = tree.open("coco-stuff164k")
        assert data.items[0].mask.name == f"{NAME}_labelTrainIds.png"
        assert truth(data) == [[11, 170, 255]]
        tree.mask(f"{MASKS}_labelTrainIds.png", [[171]])
        assert "holds 171; coco-stuff164k has 0-170, 255" in untrue(data)

    def test_a_conversion_that_was_cut_short_does_not_shrink_the_set(self, tree: Tree) -> None:
        tree.mask(f"{MASKS}_labelTrainIds.png", [[11]])
        for name in (NAME, "000000000285"):
            tree.photo(f"images/val2017/{name}.jpg")
            tree.mask(f"annotations/val2017/{name}.png", [[12]])
        data = tree.open("coco-stuff164k")
        assert [truth(data, index) for index in range(2)] == [[[11]], [[11]]]
        assert [item.mask.name for item in data.items] == [f"{NAME}.png", "000000000285.png"]

    def test_a_photo_without_a_mask(self, tree: Tree) -> None:
        tree.mask(f"{MASKS}.png", [[0]])
        tree.photo("images/val2017/x.jpg")
        assert "val2017/x.png is missing; every one of the 2 photos" in tree.refused("coco-stuff164k")

    def test_no_masks_at_all(self, tree: Tree) -> None:
        tree.text("annotations/val2017/readme.txt")
        message = tree.refused("coco-stuff164k")
        assert "NAME_labelTrainIds.png or NAME.png was looked for; found: readme.txt" in message

    def test_no_photos(self, tree: Tree) -> None:
        tree.mask(f"{MASKS}.png", [[0]])
        tree(f"images/val2017/{NAME}.jpg").unlink()
        assert "no photo with a mask in" in tree.refused("coco-stuff164k")

    def test_another_layout(self, tree: Tree) -> None:
        message = tree.refused("coco-stuff164k")
        assert "images/val2017 or val2017 and annotations/val2017 were looked for" in message
        assert "found: images" in message


class TestObject:
    def test_the_published_masks(self, tree: Tree) -> None:
        tree.mask(f"{MASKS}_instanceTrainIds.png", [[0, 1, 80, 255]])
        data = tree.open("coco-object")
        assert truth(data) == [[0, 1, 80, 255]]
        assert [data.classes[i] for i in (0, 1, 80)] == ["background", "person", "toothbrush"]
        assert len(data.classes) == 81
        assert data.has_background
        tree.mask(f"{MASKS}_instanceTrainIds.png", [[81]])
        assert "holds 81; coco-object has 0-80, 255" in untrue(data)

    @pytest.mark.parametrize(
        ("ending", "things", "rest"),
        [(".png", [0, 10, 12, 89], [91, 181, 255]), ("_labelTrainIds.png", [0, 10, 11, 79], [80, 170, 255])],
    )
    def test_from_coco_stuff_all_that_is_no_thing_is_background(
        self, tree: Tree, ending: str, things: list[int], rest: list[int]
    ) -> None:
        tree.mask(MASKS + ending, [things + rest])
        data = tree.open("coco-object")
        found = truth(data)[0]
        assert [data.classes[i] for i in found[:4]] == ["person", "fire hydrant", "stop sign", "toothbrush"]
        assert found[4:] == [0, 0, 0]

    def test_both_kinds_of_coco_stuff_agree(self, tree: Tree) -> None:
        used = np.array([[value for value in range(182) if value + 1 not in ABSENT]])
        tree.mask(f"{MASKS}.png", used)
        raw = truth(tree.open("coco-object"))
        tree.mask(f"{MASKS}_labelTrainIds.png", np.arange(171)[None])
        assert truth(tree.open("coco-object")) == raw

    def test_the_published_masks_come_first(self, tree: Tree) -> None:
        for ending in ("_instanceTrainIds.png", "_labelTrainIds.png", ".png"):
            tree.mask(MASKS + ending, [[1]])
        tree.json("annotations/instances_val2017.json", {})
        assert tree.open("coco-object").items[0].mask.name == f"{NAME}_instanceTrainIds.png"
