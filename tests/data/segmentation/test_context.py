"""PASCAL Context: 59 of 459 classes, from mmsegmentation's PNGs and from the official MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from freeseg.data.segmentation.context import FREQUENT
from trees import Tree, truth, untrue

# From the official labels.txt of the 459 classes; 431 is "unknown".
NUMBERS = {2: "aeroplane", 59: "car", 113: "dog", 284: "person", 397: "table", 427: "tvmonitor", 458: "wood"}
HOMES = ["", "VOC2010/", "VOCdevkit/VOC2010/"]


def context(root: Path, home: str = "", full: bool = False) -> Tree:
    """Photos a and b, of which the list names b."""
    tree = Tree(root)
    for name in "ab":
        tree.photo(f"{home}JPEGImages/{name}.jpg")
        if full:
            tree.mat(f"{home}trainval/{name}.mat", [[0, 2, 1], [458, 255, 431]])
        else:
            tree.mask(f"{home}SegmentationClassContext/{name}.png", [[0, 1, 0], [59, 255, 37]])
    tree.text(f"{home}ImageSets/SegmentationContext/val.txt", "b")
    return tree


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("home", HOMES)
def test_layouts(tmp_path: Path, home: str, full: bool) -> None:
    (item,) = context(tmp_path, home, full).open("context60").items
    assert item.name == "b"
    assert item.photo == tmp_path / home / "JPEGImages/b.jpg"
    assert item.mask.is_file()


class TestConverted:
    def test_with_the_background(self, tmp_path: Path) -> None:
        data = context(tmp_path).open("context60")
        assert truth(data) == [[0, 1, 0], [59, 255, 37]]
        assert [data.classes[i] for i in (0, 1, 37, 59)] == ["background", "aeroplane", "person", "wood"]

    def test_without_it(self, tmp_path: Path) -> None:
        data = context(tmp_path).open("context59")
        assert truth(data) == [[255, 0, 255], [58, 255, 36]]
        assert [data.classes[i] for i in (0, 36, 58)] == ["aeroplane", "person", "wood"]

    def test_an_unknown_index(self, tmp_path: Path) -> None:
        tree = context(tmp_path)
        tree.mask("SegmentationClassContext/b.png", [[60]])
        assert "holds 60; context60 has 0-59, 255" in untrue(tree.open("context60"))

    def test_they_come_before_the_full_ones(self, tmp_path: Path) -> None:
        context(tmp_path, full=True)
        assert context(tmp_path).open("context59").items[0].mask.suffix == ".png"


class TestAllClasses:
    def test_the_others_are_background_even_number_255(self, tmp_path: Path) -> None:
        tree = context(tmp_path, full=True)
        assert truth(tree.open("context60")) == [[0, 1, 0], [59, 0, 0]]
        assert truth(tree.open("context59")) == [[255, 0, 255], [58, 255, 255]]

    def test_the_right_59(self, tmp_path: Path) -> None:
        tree = context(tmp_path, full=True)
        tree.mat("trainval/b.mat", [list(NUMBERS)])
        for name in ("context59", "context60"):
            data = tree.open(name)
            assert [data.classes[i] for i in truth(data)[0]] == list(NUMBERS.values())

    def test_every_class_has_one_number(self, tmp_path: Path) -> None:
        tree = context(tmp_path, full=True)
        tree.mat("trainval/b.mat", [range(460)])
        found = np.array(truth(tree.open("context59")))
        assert found[found != 255].tolist() == list(range(59))
        assert np.flatnonzero(found[0] != 255).tolist() == list(FREQUENT)

    def test_a_number_beyond_459(self, tmp_path: Path) -> None:
        tree = context(tmp_path, full=True)
        tree.mat("trainval/b.mat", [[460]])
        assert "holds 460; context59 has 0-459" in untrue(tree.open("context59"))


class TestLists:
    def test_vocs_own_list_serves(self, tmp_path: Path) -> None:
        tree = context(tmp_path, full=True)
        tree("ImageSets/SegmentationContext/val.txt").unlink()
        tree.text("ImageSets/Main/val.txt", "a")
        assert [item.name for item in tree.open("context59").items] == ["a"]

    def test_without_any_list_training_photos_would_count(self, tmp_path: Path) -> None:
        tree = context(tmp_path)
        tree("ImageSets/SegmentationContext/val.txt").unlink()
        assert "ImageSets/SegmentationContext/val.txt" in tree.refused("context60")


def test_another_layout(tmp_path: Path) -> None:
    message = Tree(tmp_path).refused("context60")
    assert "SegmentationClassContext or trainval" in message
    assert "found: nothing" in message


def test_a_missing_mat_is_named(tmp_path: Path) -> None:
    tree = context(tmp_path, full=True)
    tree("trainval/b.mat").unlink()
    assert f"{tree('trainval/b.mat')} is missing" in tree.refused("context59")
