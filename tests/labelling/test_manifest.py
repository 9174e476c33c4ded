"""The manifest while it grows."""

from __future__ import annotations

import errno
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from freeseg.data.free_masks import MANIFEST, Entry
from freeseg.errors import DataError, OutputError
from freeseg.labelling.manifest import Manifest
from masked import entry_of

A, B, C = (entry_of(f"{letter}.jpg") for letter in "abc")
OTHER = entry_of("a.jpg", source="other")


def read(folder: Path) -> list[Entry]:
    return [Entry.parse(line) for line in (folder / MANIFEST).read_bytes().splitlines()]


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    with closing(Manifest(tmp_path)) as manifest:
        manifest.append(B)
        assert manifest.find("photos", "b.jpg") == B
        assert manifest.find("photos", "a.jpg") is None
    with closing(Manifest(tmp_path)) as manifest:
        assert manifest.find("photos", "b.jpg") == B
        manifest.append(A)
    assert read(tmp_path) == [B, A]


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_half_written_last_line_is_cut_off(tmp_path: Path, kept: int) -> None:
    (tmp_path / MANIFEST).write_text(A.line() + B.line()[:kept])
    with closing(Manifest(tmp_path)) as manifest:
        assert manifest.find("photos", "b.jpg") is None
        manifest.append(C)
    assert read(tmp_path) == [A, C]


def test_a_manifest_of_half_a_line(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(A.line()[:-1])
    Manifest(tmp_path).close()
    assert read(tmp_path) == []


def test_a_damaged_line_in_the_middle_is_told_by_number(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(A.line() + B.line()[:30] + "\n" + C.line())
    with pytest.raises(DataError, match="line 2: damaged"):
        Manifest(tmp_path)


def test_in_the_end_it_has_the_order_of_the_photos(tmp_path: Path) -> None:
    changed = entry_of("a.jpg", labels=("sofa",))
    with closing(Manifest(tmp_path)) as manifest:
        for entry in (C, A, OTHER, B, changed):
            manifest.append(entry)
        assert manifest.find("photos", "a.jpg") == changed
        manifest.finish(["photos"], [("photos", "a.jpg"), ("photos", "missing.jpg"), ("photos", "b.jpg")])
    assert read(tmp_path) == [OTHER, changed, B]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            def refuse(*_: object) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            return refuse

    manifest = Manifest(tmp_path)
    manifest.append(A)
    monkeypatch.setattr(manifest, "_file", Full())
    with pytest.raises(OutputError, match="No space left on device"):
        manifest.append(B)
    manifest.close()
    assert read(tmp_path) == [A]
