"""PASCAL VOC: two readings of the same masks, three places for the root, two for the list."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from freeseg.data.segmentation import open_dataset
from trees import Tree, truth, untrue

MASK = [[0, 1, 20], [255, 15, 0]]
SHARED = Path(os.environ.get("FREESEG_TEST_DATA", "none")) / "voc_dev"


def voc(root: Path, *names: str, home: str = "") -> Tree:
    tree = Tree(root)
    for name in names:
        tree.photo(f"{home}JPEGImages/{name}.jpg")
        tree.mask(f"{home}SegmentationClass/{name}.png", MASK, colours=True)
    return tree


class TestTruth:
    def test_with_the_background(self, tmp_path: Path) -> None:
        data = voc(tmp_path, "a").open("voc21")
        assert truth(data) == MASK
        assert data.has_background
        assert [data.classes[i] for i in (0, 1, 15, 20)] == ["background", "aeroplane", "person", "tvmonitor"]
        assert len(data.classes) == 21

    def test_without_the_background_its_pixels_do_not_count(self, tmp_path: Path) -> None:
        data = voc(tmp_path, "a").open("voc20")
        assert truth(data) == [[255, 0, 19], [255, 14, 255]]
        assert not data.has_background
        assert [data.classes[i] for i in (0, 14, 19)] == ["aeroplane", "person", "tvmonitor"]
        assert len(data.classes) == 20

    def test_what_comes_back_is_the_callers_own(self, tmp_path: Path) -> None:
        data = voc(tmp_path, "a").open("voc21")
        data.truth(data.items[0])[:] = 7
        assert truth(data) == MASK

    @pytest.mark.parametrize("value", [21, 100, 254])
    @pytest.mark.parametrize("name", ["voc20", "voc21"])
    def test_an_index_that_voc_does_not_have(self, tmp_path: Path, name: str, value: int) -> None:
        tree = voc(tmp_path, "a")
        tree.mask("SegmentationClass/a.png", [[0, 1, 20], [255, value, 0]])
        assert f"holds {value}; {name} has 0-20, 255" in untrue(tree.open(name))


class TestLayout:
    @pytest.mark.parametrize("home", ["", "VOC2012/", "VOCdevkit/VOC2012/"])
    @pytest.mark.parametrize("place", ["val.txt", "ImageSets/Segmentation/val.txt"])
    def test_a_list_says_which_and_in_what_order(self, tmp_path: Path, place: str, home: str) -> None:
        tree = voc(tmp_path, "c", "b", "a", home=home)
        tree.text(home + place, "c", "", " a ")
        items = tree.open("voc21").items
        assert [item.name for item in items] == ["c", "a"]
        assert [item.photo for item in items] == [tmp_path / home / "JPEGImages" / f"{name}.jpg" for name in "ca"]
        assert [item.mask for item in items] == [tmp_path / home / "SegmentationClass" / f"{name}.png" for name in "ca"]

    def test_the_list_at_the_top_comes_first(self, tmp_path: Path) -> None:
        tree = voc(tmp_path, "a", "b")
        tree.text("ImageSets/Segmentation/val.txt", "a")
        tree.text("val.txt", "b")
        assert [item.name for item in tree.open("voc20").items] == ["b"]

    def test_another_years_folder_is_not_taken(self, tmp_path: Path) -> None:
        message = voc(tmp_path, "a", home="VOC2007/").refused("voc21")
        assert "JPEGImages and SegmentationClass were looked for in it or in VOC2012" in message
        assert "found: VOC2007" in message

    def test_without_a_list_every_mask_counts(self, tmp_path: Path) -> None:
        tree = voc(tmp_path, "b", "a")
        tree.photo("JPEGImages/without_a_mask.jpg")
        tree.text("SegmentationClass/.a.png")  # as some systems leave beside every file
        assert [item.name for item in tree.open("voc21").items] == ["a", "b"]

    @pytest.mark.parametrize("missing", ["JPEGImages/a.jpg", "SegmentationClass/a.png"])
    def test_a_missing_file_is_named_and_the_others_counted(self, tmp_path: Path, missing: str) -> None:
        tree = voc(tmp_path, "a", "b")
        tree.text("val.txt", "b", "a")
        tree(missing).unlink()
        assert f"{tree(missing)} is missing; every one of the 2 photos" in tree.refused("voc21")
        tree.text("val.txt", "b", "a", "c")  # c has neither photo nor mask
        assert f"{tree(missing)} is missing, and 2 more files" in tree.refused("voc20")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs $FREESEG_TEST_DATA/voc_dev")
def test_real_masks_fit_their_photos() -> None:
    with_background, without = open_dataset("voc21", SHARED), open_dataset("voc20", SHARED)
    assert len(with_background.items) == len((SHARED / "val.txt").read_text().split())
    for item in with_background.items[:20]:
        indices, foreground = with_background.truth(item), without.truth(item)
        assert indices.shape == Image.open(item.photo).size[::-1]
        things = (indices > 0) & (indices < 255)
        assert things.any()
        assert (foreground[things] == indices[things] - 1).all()
        assert (foreground[~things] == 255).all()
