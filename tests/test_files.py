"""Files are written whole or not at all."""

import errno
import hashlib
import json
import os
import stat
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from freeseg.errors import FullDiskError, OutputError
from freeseg.files import (
    atomic_path,
    file_lock,
    is_file,
    is_folder,
    printable,
    remove_half_written,
    sha256,
    write_json,
    write_picture,
    write_text,
)


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    return path


@pytest.fixture
def umask():
    """Sets the umask of this process; put back afterwards."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


class TestAtomicPath:
    def test_the_file_is_there_only_when_the_block_ends(self, old):
        with atomic_path(old) as temporary:
            temporary.write_text("new, and longer")
            assert old.read_text() == "old"
            assert temporary.parent == old.parent  # the same file system: a rename, no copy
        assert old.read_text() == "new, and longer"
        assert left_in(old.parent) == ["note.txt"]

    def test_folders_are_made(self, tmp_path):
        with atomic_path(tmp_path / "a" / "b" / "c.bin") as temporary:
            temporary.write_bytes(b"\0\1")
        assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"\0\1"

    @pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
    def test_an_exception_passes_and_leaves_the_old_file(self, old, error):
        with pytest.raises(type(error)) as caught, atomic_path(old) as temporary:
            self.fail_half_way(temporary, error)
        assert caught.value is error
        assert old.read_text() == "old"
        assert left_in(old.parent) == ["note.txt"]

    def test_a_disk_that_fills_while_writing(self, old):
        with pytest.raises(OutputError) as caught, atomic_path(old) as temporary:
            self.fail_half_way(temporary, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self.check_one_line(caught.value, old, "No space left on device")

    def test_a_disk_that_fills_at_the_flush(self, old, monkeypatch):
        monkeypatch.setattr(os, "fsync", no_space)
        with pytest.raises(OutputError) as caught, atomic_path(old) as temporary:
            temporary.write_text("not on disk yet")
        self.check_one_line(caught.value, old, "No space left on device")

    def test_a_rename_that_fails(self, old, monkeypatch):
        monkeypatch.setattr(Path, "replace", no_space)
        with pytest.raises(OutputError) as caught, atomic_path(old) as temporary:
            temporary.write_text("new")
        self.check_one_line(caught.value, old, "No space left on device")

    @staticmethod
    def fail_half_way(temporary, error):
        temporary.write_text("half")
        raise error

    @staticmethod
    def check_one_line(error, old, reason):
        message = str(error)
        assert "\n" not in message
        assert str(old) in message
        assert reason in message
        assert old.read_text() == "old"
        assert left_in(old.parent) == ["note.txt"]

    def test_the_flush_comes_before_the_rename(self, old, monkeypatch):
        seen = []
        real = os.fsync
        monkeypatch.setattr(os, "fsync", lambda handle: (seen.append(old.read_text()), real(handle)))
        with atomic_path(old) as temporary:
            temporary.write_text("new")
        assert seen == ["old"]

    def test_a_folder_that_cannot_be_written(self, tmp_path, monkeypatch):
        def refused(*_, **__):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr("os.open", refused)  # root may write anywhere: no real folder would do
        with pytest.raises(OutputError, match="Permission denied; choose another folder") as caught:
            write_text(tmp_path / "note.txt", "x")
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)

    def test_a_signal_as_soon_as_the_temporary_file_is_there(self, tmp_path, monkeypatch):
        make = os.open

        def stopped(*given):
            os.close(make(*given))
            raise KeyboardInterrupt

        monkeypatch.setattr("os.open", stopped)
        with pytest.raises(KeyboardInterrupt):
            write_text(tmp_path / "note.txt", "x")
        monkeypatch.undo()
        assert left_in(tmp_path) == []

    @pytest.mark.parametrize(
        ("number", "fix"),
        [
            (errno.ENOSPC, "No space left on device; nothing half-written was left: free space, or choose another"),
            (errno.EFBIG, "File too large; nothing half-written was left: allow larger files"),
            (errno.EIO, "nothing half-written was left: choose another folder"),
        ],
    )
    def test_each_cause_has_its_fix(self, old, number, fix):
        with pytest.raises(OutputError, match=fix), atomic_path(old):
            raise OSError(number, os.strerror(number))

    def test_a_file_where_a_folder_should_be(self, old):
        with pytest.raises(OutputError, match="choose another folder"):
            write_text(old / "note.txt", "x")
        assert old.read_text() == "old"

    def test_a_folder_where_the_file_should_be(self, tmp_path):
        (tmp_path / "note.txt").mkdir()
        with pytest.raises(OutputError, match="Is a directory"):
            write_text(tmp_path / "note.txt", "x")
        assert left_in(tmp_path) == ["note.txt"]

    @pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
    def test_permissions_follow_the_umask(self, tmp_path, umask, mask, mode):
        umask(mask)
        write_text(tmp_path / "note.txt", "x")
        assert stat.S_IMODE((tmp_path / "note.txt").stat().st_mode) == mode
        assert umask(mask) == mask  # and the umask is as it was

    @pytest.mark.parametrize("name", ["x" * 255, "猫" * 85, "😀" * 63], ids=["latin", "japanese", "emoji"])
    def test_a_name_as_long_as_the_system_allows(self, tmp_path, name):
        write_text(tmp_path / name, "x")
        assert left_in(tmp_path) == [name]


def test_threads_that_write_leave_the_umask_as_it_was(tmp_path):
    before = os.umask(0o27)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda index: write_text(tmp_path / f"{index}.txt", "x"), range(200)))
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
    finally:
        sys.setswitchinterval(interval)
        assert os.umask(before) == 0o27


def test_a_lock_that_is_held_is_refused_or_waited_for(old):
    with file_lock(old), pytest.raises(BlockingIOError), file_lock(old, wait=False):
        pass
    with file_lock(old, wait=False):
        pass


def test_a_lock_is_waited_for(old):
    held, threads = threading.Event(), ThreadPoolExecutor(1)

    def wait_for_it():
        with file_lock(old):
            return held.is_set()

    with file_lock(old):
        waiting = threads.submit(wait_for_it)
        time.sleep(0.1)
        held.set()
    assert waiting.result(20)


@pytest.mark.skipif(sys.platform == "win32", reason="flock is not on Windows")
def test_a_lock_of_0_1_0_is_seen(old):
    import fcntl

    with old.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError), file_lock(old, wait=False):
            pass


def test_where_open_files_cannot_be_removed_they_are_not_locked(tmp_path, monkeypatch):
    """As on Windows, which lets nobody write to a locked file, not even by another handle of the same process."""
    monkeypatch.setattr("freeseg.files.renames_open_files", lambda: False)
    with atomic_path(tmp_path / "a.txt") as temporary:
        with file_lock(temporary, wait=False):
            pass
        temporary.write_text("whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert left_in(tmp_path) == ["a.txt"]


def test_a_file_system_without_locks_does_without(old, monkeypatch):
    monkeypatch.setattr("filelock.lock_descriptor", no_space)
    with file_lock(old):
        write_text(old, "new")
    assert old.read_text() == "new"


def test_a_path_that_cannot_be_asked_for_is_nothing():
    assert not is_file(Path("a" * 5000))
    assert not is_folder(Path("a" * 5000))


def test_text_is_utf8(tmp_path):
    write_text(tmp_path / "note.txt", "Käse 猫 😀")
    assert (tmp_path / "note.txt").read_bytes() == "Käse 猫 😀".encode()


def test_what_is_no_text_in_a_files_name_comes_back_from_json(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    write_json(tmp_path / "note.json", {"file": name, "said": "Käse"})
    assert json.loads((tmp_path / "note.json").read_text(encoding="utf-8")) == {"file": name, "said": "Käse"}


def test_json_is_readable_as_it_is(tmp_path):
    value = {"label": "猫", "score": [0.5, None, True]}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "猫" in text
    assert text.endswith("\n")


def test_numbers_of_numpy_are_numbers_in_json(tmp_path):
    write_json(tmp_path / "a.json", {"id": np.int64(2**62), "share": np.float32(0.5), "is": np.bool_(True)})
    assert json.loads((tmp_path / "a.json").read_text()) == {"id": 2**62, "share": 0.5, "is": True}


def test_what_json_cannot_hold_is_said(tmp_path):
    with pytest.raises(TypeError, match="set cannot be written as JSON"):
        write_json(tmp_path / "a.json", {"ids": {1, 2}})


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_sha256(tmp_path, size):
    content = bytes(i % 251 for i in range(size))
    (tmp_path / "a.bin").write_bytes(content)
    assert sha256(tmp_path / "a.bin") == hashlib.sha256(content).hexdigest()


@given(st.text(st.characters()))
def test_any_text_can_be_written(text: str) -> None:
    printable(text).encode("utf-8")
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert printable(text) == text


class TestWritePicture:
    NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8))

    def test_the_picture_is_that_of_pillow(self, tmp_path: Path) -> None:
        write_picture(tmp_path / "sub" / "a.jpg", self.NOISE, "JPEG", quality=90, subsampling=0)
        self.NOISE.save(tmp_path / "b.jpg", quality=90, subsampling=0)
        assert (tmp_path / "sub" / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
    def test_a_full_disk_leaves_no_half_of_it(self, tmp_path: Path, format: str, full_disk: None) -> None:
        with pytest.raises(OutputError, match=r"cannot write .*picture"):
            write_picture(tmp_path / "picture", self.NOISE, format)
        assert left_in(tmp_path) == []

    def test_a_picture_that_the_format_cannot_hold(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="RGBA"):
            write_picture(tmp_path / "a.jpg", self.NOISE.convert("RGBA"), "JPEG")


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
        remove_half_written(tmp_path, recursive=True)
        assert left_in(tmp_path) == [temporary.name]
    assert (tmp_path / "a.txt").read_text() == "whole"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG])
def test_a_full_disk_is_told_from_a_file_that_cannot_be_written(tmp_path: Path, number: int) -> None:
    with pytest.raises(OutputError) as caught, atomic_path(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert isinstance(caught.value, FullDiskError) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "sub" / "a.json") as temporary:
        name = temporary.name
    (tmp_path / "sub" / "a.json").unlink()
    others = ["a.json", ".part", ".notes.part", name.removesuffix(".part")]
    for file in (name, *others):
        (tmp_path / file).touch()
        (tmp_path / "sub" / file).touch()
    remove_half_written(tmp_path, recursive=False)
    assert name not in left_in(tmp_path)
    assert name in left_in(tmp_path / "sub")
    remove_half_written(tmp_path, recursive=True)
    assert left_in(tmp_path / "sub") == sorted(others)
