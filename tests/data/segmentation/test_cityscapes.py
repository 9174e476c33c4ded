"""Cityscapes: ids and train ids must not be taken for each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from trees import Tree, truth, untrue

# The benchmark's table of labels: id -> name of the 19 that count; the other ids below 34 are void.
COUNTED = {7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole", 19: "traffic light"}
COUNTED |= {20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky", 24: "person", 25: "rider", 26: "car"}
COUNTED |= {27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle"}
PHOTOS = [("frankfurt", "frankfurt_000000_000294"), ("lindau", "lindau_000000_000019")]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two photos of two cities and what else lies beside their masks."""
    tree = Tree(tmp_path)
    for city, name in PHOTOS:
        tree.photo(f"leftImg8bit/val/{city}/{name}_leftImg8bit.png")
        tree.mask(f"gtFine/val/{city}/{name}_gtFine_color.png", [[1]])
        tree.mask(f"gtFine/val/{city}/{name}_gtFine_instanceIds.png", [[1]])
    tree.photo("leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png")
    return tree


def masks(tree: Tree, kind: str, rows: list[list[int]]) -> None:
    for city, name in PHOTOS:
        tree.mask(f"gtFine/val/{city}/{name}_gtFine_{kind}.png", rows)


def test_original_ids(tree: Tree) -> None:
    masks(tree, "labelIds", [list(range(34))])
    data = tree.open("cityscapes")
    found = truth(data)[0]
    assert {value: data.classes[index] for value, index in enumerate(found) if index != 255} == COUNTED
    assert found.count(255) == 15
    assert len(data.classes) == 19
    assert not data.has_background


def test_train_ids_come_first(tree: Tree) -> None:
    masks(tree, "labelIds", [[7, 33, 0]])
    masks(tree, "labelTrainIds", [[0, 18, 255]])
    data = tree.open("cityscapes")
    assert truth(data) == [[0, 18, 255]]
    assert [data.classes[i] for i in (0, 18)] == ["road", "bicycle"]


@pytest.mark.parametrize(("kind", "value"), [("labelIds", 34), ("labelTrainIds", 19)])
def test_unknown_ids(tree: Tree, kind: str, value: int) -> None:
    masks(tree, kind, [[value]])
    assert f"holds {value}; cityscapes has 0-{value - 1}, 255" in untrue(tree.open("cityscapes"))


def test_every_city_of_the_validation_photos(tree: Tree) -> None:
    masks(tree, "labelIds", [[7]])
    items = tree.open("cityscapes").items
    assert [item.name for item in items] == [name for _, name in PHOTOS]
    for item, (city, name) in zip(items, PHOTOS, strict=True):
        assert item.photo == tree(f"leftImg8bit/val/{city}/{name}_leftImg8bit.png")
        assert item.mask == tree(f"gtFine/val/{city}/{name}_gtFine_labelIds.png")


def test_a_missing_mask_is_named(tree: Tree) -> None:
    masks(tree, "labelIds", [[7]])
    lost = tree("gtFine/val/lindau/lindau_000000_000019_gtFine_labelIds.png")
    lost.unlink()
    assert f"{lost} is missing" in tree.refused("cityscapes")


def test_colours_are_no_masks(tree: Tree) -> None:
    message = tree.refused("cityscapes")
    assert "NAME_gtFine_labelTrainIds.png or NAME_gtFine_labelIds.png was looked for" in message
    assert "_gtFine_color.png and 3 more" in message


def test_another_layout(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.photo("leftImg8bit/train/a/a_leftImg8bit.png")
    assert "leftImg8bit/val and gtFine/val were looked for in it; found: leftImg8bit" in tree.refused("cityscapes")
