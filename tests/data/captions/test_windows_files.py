"""captions.jsonl as Windows writes it: backslashes, CRLF, byte order marks and UTF-16."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freeseg.data import CaptionFolder
from freeseg.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("images/a.jpg", "images/sub/b.jpg", "c/d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def write(folder: Path, *names: str, encoding: str = "utf-8", end: str = "\n") -> None:
    lines = [json.dumps({"file": name, "captions": ["a cat"]}) + end for name in names]
    (folder / "captions.jsonl").write_bytes("".join(lines).encode(encoding))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("sub\\b.jpg", "sub/b.jpg"),
        (".\\sub\\b.jpg", "sub/b.jpg"),
        ("images\\a.jpg", "images/a.jpg"),
        ("images\\sub/b.jpg", "images/sub/b.jpg"),
        ("c\\d.jpg", "c/d.jpg"),
        ("sub/b.jpg", "sub/b.jpg"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_backslashes_separate_folders(folder: Path, name: str, key: str, encoding: str) -> None:
    write(folder, name, encoding=encoding, end="\r\n")
    [photo] = CaptionFolder(folder)
    assert photo.key == key
    assert photo.image.decode().endswith(key)


def test_a_photo_of_this_very_name_comes_first(folder: Path) -> None:
    (folder / "images" / "sub\\b.jpg").write_bytes(b"odd")
    write(folder, "sub\\b.jpg", "sub/b.jpg")
    assert [(photo.key, photo.image[:3]) for photo in CaptionFolder(folder)] == [
        ("sub\\b.jpg", b"odd"),
        ("sub/b.jpg", b"ima"),
    ]


def test_one_photo_in_two_spellings_is_listed_twice(folder: Path) -> None:
    write(folder, "sub\\b.jpg", "sub/b.jpg")
    with pytest.raises(DataError, match=r"'sub/b\.jpg' is listed twice"):
        CaptionFolder(folder)


def test_a_missing_photo_says_how_its_name_was_read(folder: Path) -> None:
    write(folder, "sub\\none.jpg", "a.jpg")
    with pytest.raises(DataError, match=r"1 of 2 photos are not there \(\\ was read as a separator, too\); the"):
        CaptionFolder(folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings(folder: Path, encoding: str) -> None:
    write(folder, "a.jpg", "sub\\b.jpg", encoding=encoding, end="\r\n")
    assert [photo.key for photo in CaptionFolder(folder)] == ["a.jpg", "sub/b.jpg"]
    content = (folder / "captions.jsonl").read_bytes()
    (folder / "captions.jsonl").write_bytes(content[:-1])
    with pytest.raises(DataError, match=f"not a text in {encoding.upper()}, as which it begins; save it as UTF-8"):
        CaptionFolder(folder)
