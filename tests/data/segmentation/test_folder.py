"""Anyone's own folder: what the classes file may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from freeseg.data.segmentation import open_dataset
from freeseg.errors import DataError
from freeseg.words import default_background
from trees import Tree, one_line, truth, untrue


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    tree.photo("JPEGImages/a photo.jpg")
    tree.photo("JPEGImages/b.png")
    tree.photo("JPEGImages/c.JPEG")
    for name in ("a photo", "b", "c"):
        tree.mask(f"SegmentationClass/{name}.png", [[0, 1, 2], [255, 2, 2]])
    tree.json("classes.json", ["cat", "sofa|couch", "lamp"])
    return tree


def test_photos_of_several_formats_and_names_with_spaces(tree: Tree) -> None:
    assert [item.photo.name for item in tree.open("folder").items] == ["a photo.jpg", "b.png", "c.JPEG"]
    tree.text("val.txt", "c", "a photo")
    assert [item.name for item in tree.open("folder").items] == ["c", "a photo"]


def test_a_list_of_names(tree: Tree) -> None:
    data = tree.open("folder")
    assert data.name == "folder"
    assert data.classes == ("cat", "sofa", "lamp")
    assert not data.has_background
    assert truth(data) == [[0, 1, 2], [255, 2, 2]]
    assert data.vocabulary().aliases == ("cat", "sofa", "lamp")
    for setting in ("aliases", "freeseg"):
        assert data.vocabulary(setting).aliases == ("cat", "sofa", "couch", "lamp")
    assert data.vocabulary().background_words == ()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (["background", "cat", "sofa|couch"], default_background()),
        ({"classes": ["cat", "sofa|couch"], "background": True}, default_background()),
        ({"classes": ["background", "cat", "sofa|couch"], "background": True}, default_background()),
        (["Background|sky| wall |", "cat", "sofa|couch"], ("sky", "wall")),
        ({"2": "sofa|couch", "0": "background", "1": "cat"}, default_background()),
    ],
)
def test_a_background_however_it_is_said(tree: Tree, written: Any, words: tuple[str, ...]) -> None:
    tree.json("classes.json", written)
    data = tree.open("folder")
    assert data.classes == ("background", "cat", "sofa")
    assert data.has_background
    assert truth(data) == [[0, 1, 2], [255, 2, 2]]
    assert data.vocabulary("aliases").names == ("cat", "sofa")
    assert data.vocabulary("aliases").background_words == words
    assert data.vocabulary("plain").background_words == default_background()


def test_another_classes_file(tree: Tree, tmp_path: Path) -> None:
    other = tree.json("other.json", {"classes": ["x", "y", "z"]})
    assert open_dataset("folder", tmp_path, classes=other).classes == ("x", "y", "z")


def test_fewer_names_than_indices(tree: Tree) -> None:
    tree.json("classes.json", ["cat", "sofa"])
    assert "holds 2; folder has 0-1, 255; give its class a name" in untrue(tree.open("folder"))


@pytest.mark.parametrize("count", [254, 255])
def test_as_many_names_as_a_mask_has_room_for(tree: Tree, count: int) -> None:
    tree.json("classes.json", [f"class {number}" for number in range(count)])
    tree.mask("SegmentationClass/b.png", [[253, 255]])
    if count == 254:
        assert truth(tree.open("folder"), 1) == [[253, 255]]
    else:
        assert "255 classes; a mask has room for 254" in tree.refused("folder")
    tree.json("classes.json", {"classes": [f"class {number}" for number in range(count - 1)], "background": True})
    assert count == 254 or "room for 254" in tree.refused("folder")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([], "no labels were given"),
        (["background"], "no labels were given"),
        (["cat", "cat"], "is given twice"),
        (["cat", "dog|Cat"], "under both"),
        (["cat", ""], "empty"),
        (["cat", "background"], "'background' is not a label"),
        ({"classes": ["background", "cat"], "background": False}, "make it true"),
        ({"classes": ["cat"], "background": "yes"}, "must be true or false"),
        ({"classes": "cat"}, "of another form; it must be a list of names"),
        ({"names": ["cat"]}, "of another form"),
        ({"classes": ["cat"], "backgrund": True}, "of another form"),
        ([1, 2], "of another form"),
        ({"0": "cat", "1": 7}, "of another form"),
        ({"0": "cat", "2": "dog"}, "names no class 1; it must name every index from 0 to the largest"),
        ({"0": "cat", "-1": "dog"}, "of another form"),
        ("cat", "of another form"),
        (None, "of another form"),
    ],
)
def test_classes_that_cannot_be_used(tree: Tree, written: Any, said: str) -> None:
    path = tree.json("classes.json", written)
    message = tree.refused("folder")
    assert str(path) in message
    assert said in message


@pytest.mark.parametrize("content", [b"", b"[", b"\xff\xfe", b"cat\ndog\n", b"[" * 100_000])
def test_a_file_that_is_no_json(tree: Tree, content: bytes) -> None:
    tree("classes.json").write_bytes(content)
    assert "cannot be read" in tree.refused("folder")


def test_no_classes_file(tree: Tree) -> None:
    tree("classes.json").unlink()
    assert f"{tree('classes.json')} cannot be read" in tree.refused("folder")


def test_a_classes_file_is_for_folders_only(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset("voc21", tmp_path, classes=tree("classes.json"))
    assert "voc21 has its own classes" in one_line(caught.value)
