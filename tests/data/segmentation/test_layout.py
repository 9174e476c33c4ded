"""Finding files: lists, wrong roots, and nothing opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from freeseg.data.segmentation.layout import (
    files_by_name,
    find_paths,
    list_files,
    match_masks,
    photos_by_name,
    read_names,
)
from freeseg.errors import DataError
from trees import Tree, one_line


def refused(action: object, *given: object) -> str:
    assert callable(action)
    with pytest.raises(DataError) as caught:
        action(*given)
    return one_line(caught.value)


class TestPlaces:
    def test_all_needs_come_from_one_home(self, tmp_path: Path) -> None:
        for folder in ("photos", "2012/photos", "2012/masks"):
            (tmp_path / folder).mkdir(parents=True)
        found = find_paths(tmp_path, ("", "2012"), ("photos",), ("masks",))
        assert found == [tmp_path / "2012/photos", tmp_path / "2012/masks"]

    @pytest.mark.parametrize("root", ["nowhere", "x" * 5_000, "a\0b"])
    def test_no_such_folder(self, tmp_path: Path, root: str) -> None:
        assert "found: no such folder" in refused(find_paths, tmp_path / root, ("",), ("photos",))

    def test_a_file_is_no_root(self, tmp_path: Path) -> None:
        assert "found: a file" in refused(find_paths, Tree(tmp_path).text("archive.tar"), ("",), ("photos",))

    def test_a_long_folder_is_told_in_short(self, tmp_path: Path) -> None:
        for number in range(30):
            (tmp_path / f"{number:02}").touch()
        assert refused(find_paths, tmp_path, ("",), ("photos",)).endswith(
            "found: 00, 01, 02, 03, 04, 05, 06, 07 and 22 more"
        )


class TestLists:
    def test_no_list(self, tmp_path: Path) -> None:
        assert read_names(tmp_path, ("val.txt",)) is None

    @pytest.mark.parametrize("ends", ["\n", "\r\n", "\n\n \n"])
    def test_lines_of_any_kind(self, tmp_path: Path, ends: str) -> None:
        (tmp_path / "val.txt").write_bytes(("\ufeff" + ends.join(["é b", "a", ""])).encode())
        assert read_names(tmp_path, ("val.txt",)) == ["é b", "a"]

    @pytest.mark.parametrize("text", ["", "\n\n", " \n"])
    def test_an_empty_one(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "val.txt").write_text(text)
        assert "val.txt lists no photos" in refused(read_names, tmp_path, ("val.txt",))

    def test_a_name_twice(self, tmp_path: Path) -> None:
        Tree(tmp_path).text("val.txt", "a", "b", "b", "a")
        assert "lists 'a' twice" in refused(read_names, tmp_path, ("val.txt",))

    def test_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "val.txt").write_bytes(b"\xff\xfe\x00a")
        assert f"{tmp_path / 'val.txt'} cannot be read" in refused(read_names, tmp_path, ("val.txt",))

    def test_no_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Tree(tmp_path).text("val.txt", "a")

        def refuse(*args: object, **options: object) -> str:  # as root every file can be read
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_text", refuse)
        assert "Permission denied" in refused(read_names, tmp_path, ("val.txt",))


class TestFiles:
    def test_of_two_photos_with_one_name_the_jpg_wins(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        for name in ("a.png", "a.jpg", "b.png", "b.txt", ".c.jpg"):
            tree.text(name)
        assert {name: path.name for name, path in photos_by_name(tmp_path).paths.items()} == {
            "a": "a.jpg",
            "b": "b.png",
        }

    def test_a_mark_before_the_suffix(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        for name in ("x/a_left.png", "x/a_right.png", "y/b_left.png", "c_left.png"):
            tree.text(name)
        assert list(photos_by_name(tmp_path, mark="_left", deep=True).paths) == ["x/a", "y/b"]

    def test_what_is_no_folder_cannot_be_listed(self, tmp_path: Path) -> None:
        assert "cannot be listed (Not a directory)" in refused(list_files, Tree(tmp_path).text("JPEGImages"))

    def test_names_that_lead_out_of_the_folder_are_missing(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path / "set")
        photos, masks = files_by_name(tree.root, ["a.jpg"], ".jpg"), files_by_name(tree.root, ["a.png"], ".png")
        tree.photo("../a.jpg")
        for name in ("../a", str(tmp_path / "a"), "sub/../a"):
            assert "is missing, and 1 more files" in refused(match_masks, [name], photos, masks)
