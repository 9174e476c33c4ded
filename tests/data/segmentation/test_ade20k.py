"""ADE20K: index 0 is no class."""

from __future__ import annotations

from pathlib import Path

import pytest

from trees import Tree, truth, untrue


def ade(root: Path, home: str = "") -> Tree:
    tree = Tree(root)
    for number in (2, 1):
        name = f"ADE_val_0000000{number}"
        tree.photo(f"{home}images/validation/{name}.jpg")
        tree.mask(f"{home}annotations/validation/{name}.png", [[0, 1, 150], [13, 255, 90]])
    tree.photo(f"{home}images/training/ADE_train_00000001.jpg")
    return tree


@pytest.mark.parametrize("home", ["", "ADEChallengeData2016/"])
def test_the_zero_label_does_not_count_and_the_others_move_down(tmp_path: Path, home: str) -> None:
    data = ade(tmp_path, home).open("ade20k")
    assert truth(data) == [[255, 0, 149], [12, 255, 89]]
    assert [data.classes[i] for i in (0, 12, 89, 149)] == ["wall", "person", "television receiver", "flag"]
    assert len(data.classes) == 150
    assert not data.has_background
    assert [item.name for item in data.items] == ["ADE_val_00000001", "ADE_val_00000002"]


def test_an_unknown_index(tmp_path: Path) -> None:
    tree = ade(tmp_path)
    tree.mask("annotations/validation/ADE_val_00000001.png", [[151]])
    assert "holds 151; ade20k has 0-150, 255" in untrue(tree.open("ade20k"))


def test_a_missing_mask(tmp_path: Path) -> None:
    tree = ade(tmp_path)
    tree("annotations/validation/ADE_val_00000002.png").unlink()
    assert "validation/ADE_val_00000002.png is missing" in tree.refused("ade20k")


def test_no_photos(tmp_path: Path) -> None:
    for folder in ("images", "annotations"):
        (tmp_path / folder / "validation").mkdir(parents=True)
    assert "no photo with a mask in" in Tree(tmp_path).refused("ade20k")


def test_another_layout(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.photo("images/training/a.jpg")
    message = tree.refused("ade20k")
    assert "images/validation and annotations/validation were looked for in it or in ADEChallengeData2016" in message
    assert "found: images" in message
