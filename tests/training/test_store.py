"""The feature cache survives kills, full disks and folders that belong to somebody else."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from freeseg.errors import DataError, OutputError
from freeseg.training.store import RowStore

SHAPE = (3,)


def key(i):
    return hashlib.sha256(str(i).encode()).hexdigest()


def rows(*numbers):
    return np.array([[i, i + 0.25, -i] for i in numbers], np.float16)


def opened(folder):
    return RowStore(folder, SHAPE, np.float16)


def filled(folder, count):
    store = opened(folder)
    store.append([key(i) for i in range(count)], rows(*range(count)))
    return store


def check(store, numbers):
    """The store holds these rows, in this order, and nothing else."""
    assert len(store) == len(numbers)
    keys = [key(i) for i in numbers]
    assert all(k in store for k in keys)
    np.testing.assert_array_equal(store.rows(), rows(*numbers).reshape(-1, *SHAPE))
    np.testing.assert_array_equal(store.read(keys[::-1]), rows(*numbers[::-1]).reshape(-1, *SHAPE))
    assert store.positions(keys).tolist() == list(range(len(numbers)))


@pytest.fixture
def no_wait(monkeypatch):
    """Hundreds of real flushes would only test the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


class TestRows:
    def test_what_was_appended_is_read_now_and_after_reopening(self, tmp_path):
        store = filled(tmp_path / "new" / "folder", 3)
        check(store, [0, 1, 2])
        store.append([key(7), key(5)], rows(7, 5))
        check(store, [0, 1, 2, 7, 5])
        check(opened(tmp_path / "new" / "folder"), [0, 1, 2, 7, 5])

    def test_an_empty_store(self, tmp_path):
        store = opened(tmp_path)
        check(store, [])
        assert store.rows().shape == (0, 3)
        assert store.rows().dtype == np.float16
        assert key(0) not in store
        check(opened(tmp_path), [])

    def test_positions_follow_the_order_asked_for(self, tmp_path):
        store = filled(tmp_path, 5)
        assert store.positions([key(3), key(0), key(3)]).tolist() == [3, 0, 3]
        np.testing.assert_array_equal(store.read([key(3), key(0), key(3)]), rows(3, 0, 3))

    def test_an_unknown_key(self, tmp_path):
        with pytest.raises(KeyError):
            filled(tmp_path, 1).read([key(9)])

    def test_duplicates_are_skipped(self, tmp_path):
        store = filled(tmp_path, 2)
        store.append([key(1), key(2), key(2), key(0)], rows(1, 2, 2, 0))
        check(store, [0, 1, 2])
        store.append([key(0), key(1)], rows(50, 60))  # what is there already is not written again
        store.append([], rows().reshape(0, 3))
        check(store, [0, 1, 2])
        check(opened(tmp_path), [0, 1, 2])

    def test_rows_of_several_axes_and_another_dtype(self, tmp_path):
        store = RowStore(tmp_path, (2, 3), np.float32)
        store.append([key(0), key(1)], np.arange(12, dtype=np.float64).reshape(2, 2, 3))
        again = RowStore(tmp_path, (2, 3), np.float32)
        assert again.rows().dtype == np.float32
        np.testing.assert_array_equal(again.read([key(1)]), np.arange(6, 12).reshape(1, 2, 3))

    def test_what_was_read_is_a_copy_and_the_map_cannot_be_written(self, tmp_path):
        store = filled(tmp_path, 2)
        store.read([key(0)])[:] = 99
        with pytest.raises(ValueError, match="read-only"):
            store.rows()[:] = 99
        check(store, [0, 1])


class TestKilledWrites:
    COUNT = 4

    def damaged(self, tmp_path, file, size):
        """A copy of a small store, one of its files cut at a byte."""
        if not (tmp_path / "whole").exists():
            filled(tmp_path / "whole", self.COUNT)
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tmp_path / "whole", copy)
        os.truncate(copy / file, size)
        return copy

    @pytest.mark.usefixtures("no_wait")
    @pytest.mark.parametrize(("file", "one"), [("rows.bin", 6), ("keys.txt", 65)])
    def test_cut_at_every_byte(self, tmp_path, file, one):
        """What is whole in both files survives, and the store goes on as if nothing had happened."""
        assert (self.damaged(tmp_path, file, 0).parent / "whole" / file).stat().st_size == one * self.COUNT
        for size in range(one * self.COUNT + 1):
            folder = self.damaged(tmp_path, file, size)
            left = list(range(size // one))
            store = opened(folder)
            check(store, left)
            store.append([key(i) for i in (3, 9)], rows(3, 9))
            after = left + [i for i in (3, 9) if i not in left]
            check(store, after)
            check(opened(folder), after)

    @pytest.mark.usefixtures("no_wait")
    def test_cut_in_both_files(self, tmp_path):
        for row_bytes in range(0, 25, 5):
            for key_bytes in range(0, 261, 29):
                folder = self.damaged(tmp_path, "rows.bin", row_bytes)
                os.truncate(folder / "keys.txt", key_bytes)
                left = list(range(min(row_bytes // 6, key_bytes // 65)))
                check(opened(folder), left)
                check(opened(folder), left)  # repaired once, whole ever after

    @pytest.mark.parametrize("tail", [b"\0", b"\1\2\3\4\5\6", bytes(100)])
    def test_rows_that_got_no_key(self, tmp_path, tail):
        filled(tmp_path, 2)
        with (tmp_path / "rows.bin").open("ab") as file:
            file.write(tail)
        store = opened(tmp_path)
        check(store, [0, 1])
        store.append([key(2)], rows(2))
        check(opened(tmp_path), [0, 1, 2])


class TestFullDisk:
    def check_refused(self, tmp_path, store, monkeypatch, left=(0, 1)):
        with pytest.raises(OutputError, match="No space left on device; free space and run it again") as caught:
            store.append([key(2), key(3)], rows(2, 3))
        assert "\n" not in str(caught.value)
        monkeypatch.undo()
        check(store, list(left))
        assert (tmp_path / "rows.bin").stat().st_size == len(left) * 6  # the room is given back
        store.append([key(3)], rows(3))
        check(store, [*left, 3])
        check(opened(tmp_path), [*left, 3])

    def test_at_the_flush_of_the_rows(self, tmp_path, monkeypatch):
        store = filled(tmp_path, 2)

        def full(handle):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        self.check_refused(tmp_path, store, monkeypatch)

    @pytest.mark.parametrize("written", [0, 3, 9, 70])
    @pytest.mark.parametrize("name", ["rows.bin", "keys.txt"])
    def test_in_the_middle_of_a_file(self, tmp_path, monkeypatch, name, written):
        store = filled(tmp_path, 2)
        real = Path.open

        class Filling:
            """A file on a disk that has room for so many bytes."""

            def __init__(self, file):
                self.file = file

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.file.close()

            def write(self, content):
                self.file.write(content[:written])
                self.file.flush()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def opening(path, mode="r", **rest):
            file = real(path, mode, **rest)
            return Filling(file) if path.name == name and mode.startswith("a") else file

        monkeypatch.setattr(Path, "open", opening)
        whole = name == "keys.txt" and written >= 65  # one new key and its row came through
        self.check_refused(tmp_path, store, monkeypatch, (0, 1, 2) if whole else (0, 1))

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(OutputError, match="choose another --cache"):
            opened(tmp_path / "file" / "cache")


class TestForeignFiles:
    """Never cut or empty what is not ours."""

    @pytest.mark.parametrize(
        "content",
        [
            "my keys\n",
            "my keys",
            "\n",
            "g" * 64 + "\n",
            "A" * 64 + "\n",
            f"{key(0)}\nnot a key\n{key(1)}\n",
            f"{key(0)}\n{key(1)}\nnot a key\n",
            f"{key(0)}\n{key(1)}\nnot a key",
            f"{key(0)}{key(1)}\n",
            f"{key(0)}é\n",
            f"{key(0)}\n" + "0" * 65,
        ],
    )
    def test_other_keys_are_refused_and_left_alone(self, tmp_path, content):
        filled(tmp_path, 2)
        (tmp_path / "keys.txt").write_text(content, encoding="utf-8")
        before = (tmp_path / "rows.bin").read_bytes()
        with pytest.raises(DataError, match="not a FreeSeg cache") as caught:
            opened(tmp_path)
        assert "\n" not in str(caught.value)
        assert (tmp_path / "keys.txt").read_text(encoding="utf-8") == content
        assert (tmp_path / "rows.bin").read_bytes() == before

    def test_rows_without_keys_are_refused_and_left_alone(self, tmp_path):
        (tmp_path / "rows.bin").write_bytes(b"somebody's work")
        for _ in range(2):  # the first refusal must not make the second one pass
            with pytest.raises(DataError, match="not a FreeSeg cache"):
                opened(tmp_path)
        assert (tmp_path / "rows.bin").read_bytes() == b"somebody's work"

    def test_other_files_in_the_folder_do_not_matter(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        check(filled(tmp_path, 2), [0, 1])
        assert (tmp_path / "notes.txt").read_text() == "mine"


def test_two_may_fill_it_in_turns(tmp_path):
    one, other = opened(tmp_path), opened(tmp_path)
    for i in range(0, 6, 2):
        one.append([key(i)], rows(i))
        other.append([key(i), key(i + 1)], rows(i, i + 1))
    assert len(one) == 5  # what the other added last is not known to it yet
    one.append([key(6)], rows(6))
    check(one, [*range(7)])
    check(opened(tmp_path), [*range(7)])


FILLING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_store import key, opened, rows
store = opened(Path(sys.argv[1]))
for i in range(60):
    store.append([key(i)], rows(i))
"""


def test_two_processes_may_fill_it_at_once(tmp_path):
    command = [sys.executable, "-c", FILLING, str(tmp_path), str(Path(__file__).parent)]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    store = opened(tmp_path)
    assert len(store) == 60
    np.testing.assert_array_equal(store.read([key(i) for i in range(60)]), rows(*range(60)))


def test_a_key_that_is_there_twice(tmp_path):
    """Rows would be counted wrongly from there on; only a file system without locks lets it happen."""
    filled(tmp_path, 2)
    with (tmp_path / "keys.txt").open("a") as file:
        file.write(f"{key(0)}\n")
    with (tmp_path / "rows.bin").open("ab") as file:
        file.write(rows(0).tobytes())
    with pytest.raises(DataError, match=r"keys\.txt has a key twice; remove its folder or choose another --cache"):
        opened(tmp_path)
