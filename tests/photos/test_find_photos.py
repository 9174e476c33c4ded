"""Finding photos in folders: which, in which order, under which names."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from PIL import Image

from freeseg.errors import OutputError, PhotoError
from freeseg.photos import Skipped, find_photos, photos_in, read_photo, suffixes
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
    kinds += ["jpe", "mpo", "ppm", "pgm", "pbm", "pnm", "jp2", "j2k"]
    make(tmp_path, *(f"{kind}.{kind}" for kind in kinds), *(f"{kind}.{kind.upper()}" for kind in kinds))
    assert len(find_photos([tmp_path])) == 36


@pytest.mark.parametrize("kind", ["jpe", "mpo", "ppm", "pgm", "pbm", "pnm", "jp2", "j2k", "apng"])
def test_what_is_found_can_be_read(tmp_path: Path, kind: str) -> None:
    formats = {"jpe": "JPEG", "mpo": "MPO", "jp2": "JPEG2000", "j2k": "JPEG2000", "apng": "PNG"}
    mode = {"pgm": "L", "pbm": "1"}.get(kind, "RGB")
    Image.new(mode, (9, 4), "white").save(tmp_path / f"a.{kind}", formats.get(kind, "PPM"))
    [found] = find_photos([tmp_path])
    assert read_photo(found.path).getpixel((0, 0)) == (255, 255, 255)


def test_kinds_that_are_not_read_are_counted(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "one.PSD", "sub/two.psd", "raw.CR2", "notes.txt", ".hidden.psd")
    skipped = Skipped()
    assert [str(found.name) for found in find_photos([tmp_path], skipped=skipped)] == ["a.jpg"]
    assert skipped.lines() == [
        "1 .cr2 file was skipped: this kind is not supported; save it as JPEG or PNG",
        "2 .psd files were skipped: this kind is not supported; save them as JPEG or PNG",
    ]
    (tmp_path / "a.jpg").unlink()
    assert "2 .psd files were skipped" in complaint(tmp_path)


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


def test_links_to_one_file_are_photos_of_their_own(tmp_path: Path) -> None:
    make(tmp_path, "store/1.jpg")
    for split in ("train", "val"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for name in ("x.jpg", "y.jpg"):
            (tmp_path / "photos" / split / name).symlink_to(tmp_path / "store" / "1.jpg")
    (tmp_path / "photos" / "all").symlink_to(tmp_path / "store")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "store")
    expected = ["all/1.jpg", "more/1.jpg", "train/x.jpg", "train/y.jpg", "val/x.jpg", "val/y.jpg"]
    assert found_names(tmp_path / "photos") == expected
    assert [str(photo.name) for photo in photos_in(tmp_path / "photos")] == expected  # what `freeseg label` takes


def test_duplicates_are_taken_once_and_the_first_name_stays(tmp_path: Path) -> None:
    make(tmp_path, "sub/a.jpg", "b.jpg")
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
    assert all(suffix in message for suffix in suffixes())


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
