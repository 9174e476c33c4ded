"""Finding photos in folders: which, in which order, under which names."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from freeseg.errors import OutputError, PhotoError
from freeseg.photos import SUFFIXES, find_photos
from pictures import refusal


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found_names(*paths: Path) -> list[str]:
    return [str(found.name) for found in find_photos(paths)]


def complaint(*paths: Path | str) -> str:
    with pytest.raises(PhotoError) as caught:
        find_photos(paths)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_folders_are_walked_in_order_without_what_is_hidden_or_no_photo(tmp_path: Path) -> None:
    make(tmp_path, "b.jpg", "a.PNG", "sub/deep/c.Tiff", "sub/a.webp", "notes.txt", "jpg", "mask.npy", "album.jpg/x.gif")
    make(tmp_path, ".hidden.jpg", ".cache/d.jpg", "sub/.git/e.jpg", "._b.jpg")
    expected = ["a.PNG", "album.jpg/x.gif", "b.jpg", "sub/a.webp", "sub/deep/c.Tiff"]
    found = find_photos([tmp_path])
    assert [str(one.name) for one in found] == expected
    assert [one.path for one in found] == [tmp_path / name for name in expected]
    assert all(type(one.name) is PurePosixPath for one in found)


def test_every_suffix_in_any_case(tmp_path: Path) -> None:
    kinds = ["jpg", "jpeg", "jfif", "png", "webp", "avif", "bmp", "gif", "tif", "tiff"]
    make(tmp_path, *(f"{kind}.{kind}" for kind in kinds), *(f"{kind}.{kind.upper()}" for kind in kinds))
    assert len(find_photos([tmp_path])) == 20


def test_files_named_directly_are_taken_whatever_their_suffix(tmp_path: Path) -> None:
    make(tmp_path, "sub/scan.dat", "sub/.hidden", "z.jpg")
    assert found_names(tmp_path / "z.jpg", tmp_path / "sub/scan.dat", tmp_path / "sub/.hidden") == [
        "z.jpg",
        "scan.dat",
        ".hidden",
    ]


def test_a_hidden_folder_named_directly_is_walked(tmp_path: Path) -> None:
    make(tmp_path, ".photos/a.jpg")
    assert found_names(tmp_path / ".photos") == ["a.jpg"]


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "sub/a.jpg", "b.jpg")
    monkeypatch.chdir(tmp_path)
    assert found_names(Path()) == ["b.jpg", "sub/a.jpg"]
    assert found_names(Path("b.jpg")) == ["b.jpg"]
    assert found_names(Path("sub/..")) == ["b.jpg", "sub/a.jpg"]


def test_one_path_alone_is_taken_as_a_list_of_one(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    assert find_photos(str(tmp_path)) == find_photos([tmp_path])


def test_nothing_named_is_nothing_found() -> None:
    assert find_photos([]) == []


def test_duplicates_are_taken_once_and_the_first_name_stays(tmp_path: Path) -> None:
    make(tmp_path, "sub/a.jpg", "b.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.jpg")
    assert found_names(tmp_path / "sub" / "a.jpg", tmp_path, tmp_path / "sub") == ["a.jpg", "b.jpg"]
    assert found_names(tmp_path / "sub", tmp_path / "sub" / ".." / "sub") == ["a.jpg"]


def test_links_to_folders_are_followed_and_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "album/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "album" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "album" / "self").symlink_to(tmp_path / "album")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "album")
    (tmp_path / "album" / "dead.jpg").symlink_to(tmp_path / "album" / "dead.jpg")  # a link to itself
    assert found_names(tmp_path / "album") == ["a.jpg", "dead.jpg", "other/b.jpg"]
    refusal(tmp_path / "album" / "dead.jpg")


def test_a_folder_of_results_is_left_out_unless_it_is_all_there_is(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "out/a.overlay.jpg", "out/sub/b.png")
    assert [str(each.name) for each in find_photos([tmp_path], without=tmp_path / "out")] == ["a.jpg"]
    with pytest.raises(OutputError, match="results go to another folder"):
        find_photos([tmp_path], without=tmp_path)
    assert len(find_photos([tmp_path / "a.jpg"], without=tmp_path)) == 1  # photos named one by one stay what they are
    assert len(find_photos([tmp_path], without=tmp_path / "elsewhere")) == 3


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    assert complaint(tmp_path, tmp_path / "none").startswith(f"cannot read {tmp_path / 'none'}: no such file")
    assert "null" in complaint("a\0b")


def test_a_folder_without_photos_says_what_was_looked_for(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", ".hidden.jpg")
    message = complaint(tmp_path)
    assert message.startswith(f"no photos in {tmp_path};")
    assert all(suffix in message for suffix in SUFFIXES)


@pytest.mark.parametrize("locked", ["", "sub/locked"])
def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str) -> None:
    make(tmp_path, "a.jpg", "sub/locked/b.jpg")
    folder = tmp_path / locked
    if os.geteuid() == 0:  # root may list anything, so the refusal is simulated
        listdir = os.listdir

        def deny(path: str | Path = ".") -> list[str]:
            if Path(path) == folder:
                raise PermissionError(13, "Permission denied", str(path))
            return listdir(path)

        monkeypatch.setattr(os, "listdir", deny)
        monkeypatch.setattr(Path, "iterdir", lambda self: iter([self / name for name in deny(self)]))
    else:
        folder.chmod(0)
    try:
        assert complaint(tmp_path).startswith(f"cannot read {folder}: permission denied;")
    finally:
        folder.chmod(0o755)
