"""Shards that are named by `file://`, or lie in a store: a file system of pyarrow stands for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captioned import PAIRS, as_jsonl, as_tar, refusal
from freeseg import places
from freeseg.data.captions import TarShards, open_sources
from freeseg.errors import PhotoError

fs = pytest.importorskip("pyarrow.fs")


class CountingFile:
    """A file that remembers how often it was asked for bytes."""

    asked = 0

    def __init__(self, file: Any) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> CountingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def readinto(self, buffer: Any) -> int:
        CountingFile.asked += 1
        return int(self.file.readinto(buffer))


class CountingSystem:
    """A file system whose files are counted."""

    def __init__(self, system: Any) -> None:
        self.system = system

    def get_file_info(self, what: Any) -> Any:
        return self.system.get_file_info(what)

    def open_input_file(self, path: str) -> CountingFile:
        return CountingFile(self.system.open_input_file(path))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that `s3://` leads to, with a shard for each photo in a bucket."""
    (tmp_path / "bucket" / "shards").mkdir(parents=True)
    for number, pair in enumerate(PAIRS):
        as_tar(tmp_path / "bucket" / "shards" / f"{number:03}.tar", [pair])
    system = CountingSystem(fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()))
    monkeypatch.setattr(places, "_system", lambda bucket: (system, ""))
    return tmp_path


def test_a_pattern_of_files_by_their_urls(store: Path) -> None:
    [source] = open_sources([f"file://{store}/bucket/shards/{{000..002}}.tar"])
    assert (list(source), source.name) == (PAIRS, "{000..002}.tar")


def test_a_folder_by_its_url(tmp_path: Path) -> None:
    assert len(open_sources([f"file://{as_jsonl(tmp_path)}"])[0]) == len(PAIRS)


@pytest.mark.parametrize("given", ["s3://bucket/shards/{000..002}.tar", "s3://bucket/shards", "s3://bucket/shards?a=b"])
def test_shards_in_a_store(store: Path, given: str) -> None:
    (store / "bucket" / "shards" / "notes.txt").write_text("no shard")
    [source] = open_sources([given])
    assert isinstance(source, TarShards)
    assert (list(source), len(source)) == (PAIRS, 3)
    assert list(source) == PAIRS  # again
    assert source.name == given.partition("?")[0].rpartition("/")[2]


def test_a_store_is_asked_for_much_at_once(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [pair._replace(key=f"{pair.key}{number}") for number in range(50) for pair in PAIRS]
    size = as_tar(store / "bucket" / "many.tar", pairs).stat().st_size
    monkeypatch.setattr(CountingFile, "asked", 0)
    assert list(open_sources(["s3://bucket/many.tar"])[0]) == pairs
    # 150 photos with their texts, looked at once for their names and once for themselves
    assert CountingFile.asked <= 2 * (size // places.STORE_BUFFER + 3)


def test_what_is_wrong_is_said_without_secrets(store: Path) -> None:
    (store / "bucket" / "cut.tar").write_bytes((store / "bucket" / "shards" / "000.tar").read_bytes()[:700])
    line = refusal("s3://key:secret@bucket/cut.tar?token=secret")
    assert line.startswith("s3://bucket/cut.tar?...: not a whole, uncompressed tar")
    assert "secret" not in line
    with pytest.raises(PhotoError, match=r"cannot read s3://bucket/shards/003\.tar: nothing is there; check its name"):
        open_sources(["s3://bucket/shards/{002..003}.tar"])
    (store / "bucket" / "empty").mkdir()
    assert "s3://bucket/empty: no photo (KEY.jpg" in refusal("s3://key:secret@bucket/empty")
