"""Texts in files, in names of files and in messages, and folders that can be written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from freeseg.errors import OutputError
from freeseg.files import (
    check_folder,
    encoding_by_mark,
    json_text,
    name_in_file,
    parse_json,
    path_for_message,
    read_text,
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_is_read_whatever_its_mark_says(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "words.txt"
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    path.write_bytes((mark + "cat, Hündin").encode(encoding))
    assert read_text(path) == "cat, Hündin"


def test_the_encoding_that_a_mark_tells() -> None:
    big, little = "\ufeffcat".encode("utf-32-be"), "\ufeffcat".encode("utf-32-le")
    assert (encoding_by_mark(big), encoding_by_mark(little)) == ("utf-32", "utf-32")
    assert encoding_by_mark("\ufeffcat".encode("utf-16-be")) == "utf-16"
    assert encoding_by_mark("\ufeffcat".encode("utf-8")) is None


@pytest.mark.parametrize("content", [b"caf\xe9", b"a\0b", b"\xff\xfe\x00"])
def test_what_is_no_text_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"^it is no text in UTF-8; save it as UTF-8$"):
        read_text(tmp_path / "words.txt")


def test_a_text_in_a_files_name() -> None:
    assert name_in_file("../potted  plant!") == "potted-plant"
    assert name_in_file("naïve Café_2") == "naïve-Café-2"
    assert (name_in_file("?!"), name_in_file("")) == ("label", "label")
    assert name_in_file("ab" * 30) == "ab" * 20


def test_a_path_in_a_message() -> None:
    assert path_for_message(Path("a b/c.jpg")) == "a b/c.jpg"
    assert path_for_message(b"a\xff.jpg") == r"'a\udcff.jpg'"
    assert path_for_message("a\x1b[2J.jpg") == r"'a\x1b[2J.jpg'"


def test_a_folder_that_can_be_written_to(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError) as caught:
            check_folder(folder)
        assert str(caught.value) == f"cannot write to {folder}: Not a directory; choose another folder"
    asked = []
    monkeypatch.setattr(os, "access", lambda path, mode: asked.append((path, mode)) or False)
    with pytest.raises(OutputError) as caught:
        check_folder(tmp_path / "new" / "folder")
    assert str(caught.value).endswith("folder: Permission denied; choose another folder")
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]


def test_json_that_is_nested_too_deeply_is_said() -> None:
    with pytest.raises(ValueError, match=r"^it is nested too deeply$"):
        parse_json("[" * 100_000)


def test_json_is_indented_by_two_spaces() -> None:
    assert json_text({"cät": [1]}) == '{\n  "cät": [\n    1\n  ]\n}\n'
