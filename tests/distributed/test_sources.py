"""Finding the photos of a run: folders, lists, patterns, tar files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from freeseg.distributed import PhotoReference, photo_references
from freeseg.errors import PhotoError
from freeseg.photos import photos_in
from many_photos import write_tar


def names(arguments: Sequence[object], **options: str) -> list[str]:
    return [Path(reference.photo).name for reference in photo_references([*map(str, arguments)], **options)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos at two levels, and what is no photo."""
    photos = tmp_path / "photos"
    (photos / "sub").mkdir(parents=True)
    for name in ("b.jpg", "a.PNG", "sub/c.jpg", "notes.txt", ".hidden.jpg", "a.overlay.jpg", "a.mask.png"):
        (photos / name).touch()
    return photos


def test_a_folder_gives_what_other_commands_find_in_it(folder: Path) -> None:
    found = [reference.path for reference in photo_references([str(folder)])]
    assert sorted(found) == sorted(str(photo.path) for photo in photos_in(folder))
    assert names([folder]) == ["a.PNG", "b.jpg", "c.jpg"]


def test_the_output_is_left_out_and_a_loop_of_links_ends(folder: Path) -> None:
    (folder / "sub" / "again").symlink_to(folder)
    assert names([folder]) == ["a.PNG", "b.jpg", "c.jpg"]
    assert names([folder], without=str(folder / "sub")) == ["a.PNG", "b.jpg"]


def test_patterns_lists_files_and_urls(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / 'b.jpg'}\r\n\n{folder / 'sub'}\nfile://{folder / 'a.PNG'}\nhttps://example.org/d.jpg")
    assert names([f"@{listed}"]) == ["b.jpg", "c.jpg", "a.PNG", "d.jpg"]
    assert sorted(names([folder / "*.jpg", folder / "notes.txt"])) == ["a.overlay.jpg", "b.jpg", "notes.txt"]


def test_a_name_in_a_list_that_is_not_there_costs_nobody_else(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / 'gone.jpg'}\n{folder / 'b.jpg'}\n")
    gone, there = photo_references([f"@{listed}"])
    assert gone.problem.startswith(f"cannot read {folder / 'gone.jpg'}: no such file")
    assert not there.problem
    with pytest.raises(PhotoError, match="no such file"):
        gone.content()


@pytest.mark.parametrize("argument", ["gone.jpg", "@gone.txt"])
def test_an_argument_that_is_not_there_is_refused(argument: str) -> None:
    with pytest.raises(PhotoError, match=r"cannot read gone.*no such file"):
        list(photo_references([argument]))


def test_a_photo_that_is_given_as_a_list_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    with pytest.raises(PhotoError, match=r"a\.png is a photo and no list of names; write it without the @"):
        list(photo_references([f"@{tmp_path / 'a.png'}"]))


def test_no_photos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no photos in"):
        list(photo_references([str(tmp_path)]))


def test_the_photos_in_a_tar_file_are_read_from_it(tmp_path: Path) -> None:
    members = {"a/1.jpg": b"first", "a/1.txt": b"words", "a/._1.jpg": b"macOS", "a/2.png": b"the second"}
    shard = write_tar(tmp_path / "000.tar", members)
    for argument in (shard, tmp_path):
        found = list(photo_references([str(argument)]))
        assert [reference.photo for reference in found] == [f"{shard}/a/1.jpg", f"{shard}/a/2.png"]
        assert [reference.content() for reference in found] == [b"first", b"the second"]


def test_an_empty_photo_in_a_tar_file_is_not_the_whole_file(tmp_path: Path) -> None:
    empty, other = photo_references([str(write_tar(tmp_path / "000.tar", {"1.jpg": b"", "2.jpg": b"the second"}))])
    with pytest.raises(PhotoError, match=r"000\.tar/1\.jpg: it is empty \(0 bytes\)"):
        empty.content()
    assert other.content() == b"the second"


def test_a_cut_tar_file_gives_what_it_holds_and_its_problem(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "000.tar", {"1.jpg": bytes(2_000), "2.jpg": bytes(2_000)})
    shard.write_bytes(shard.read_bytes()[:3_000])
    first, problem = photo_references([str(shard)])
    assert (first.photo, problem.photo) == (f"{shard}/1.jpg", str(shard))
    assert problem.problem.startswith(f"cannot read {shard} any further: ")


def test_a_whole_file_is_read_by_its_path(folder: Path) -> None:
    path = folder / "b.jpg"
    assert PhotoReference("b.jpg", str(path)).content() == path


def write_parquet(path: Path, column: str, values: list[object], *, group: int = 2) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"id": [*range(len(values))], column: values}), path, row_group_size=group)
    return path


@pytest.mark.parametrize("as_datasets_do", [False, True])
def test_the_bytes_in_a_parquet_file_are_read_from_it(tmp_path: Path, as_datasets_do: bool) -> None:
    contents: list[object] = [b"first", b"second", b"third", None]
    values = [{"bytes": each, "path": None} for each in contents] if as_datasets_do else contents
    file = write_parquet(tmp_path / "a.parquet", "image", values)
    for argument in (file, tmp_path):
        *found, empty = photo_references([str(argument)])
        assert [reference.photo for reference in found] == [f"{file}#0", f"{file}#1", f"{file}#2"]
        assert [reference.content() for reference in found] == contents[:3]
        with pytest.raises(PhotoError, match=r"a\.parquet: row 1 of row group 1 holds no bytes"):
            empty.content()


def test_the_paths_in_a_parquet_file_are_followed(folder: Path, tmp_path: Path) -> None:
    paths = [str(folder / "b.jpg"), str(folder / "gone.jpg"), None, "https://example.org/d.jpg"]
    file = write_parquet(tmp_path / "a.parquet", "path", paths)
    there, gone, web = photo_references([str(file)])
    assert (there.photo, web.photo) == (paths[0], "https://example.org/d.jpg")
    assert "no such file" in gone.problem


def test_a_parquet_file_without_photos_is_refused_where_it_is_named(folder: Path) -> None:
    file = write_parquet(folder / "a.parquet", "photo", ["b.jpg"])
    with pytest.raises(PhotoError, match=r"no photos in .*a\.parquet: it has no column image"):
        list(photo_references([str(file)]))
    assert names([folder]) == ["a.PNG", "b.jpg", "c.jpg"]
    file.write_bytes(b"PAR1")
    (problem,) = photo_references([str(file)])
    assert problem.problem.endswith("fetch or write this Parquet file again")
