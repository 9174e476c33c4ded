"""Files in stores, by a file system of pyarrow that fails at times."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, ClassVar

import pytest

from freeseg import places
from freeseg.places import opened_place

CONTENT = bytes(range(256))


class Failing:
    """A store with one file, which fails as often as it is told to before it answers."""

    failures: ClassVar[list[str]] = []

    def open_input_file(self, path: str) -> Any:
        self._fail()
        return self

    def size(self) -> int:
        return len(CONTENT)

    def read_at(self, count: int, place: int) -> bytes:
        self._fail()
        return CONTENT[place : place + count]

    def _fail(self) -> None:
        if self.failures:
            raise OSError(self.failures.pop())

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *error: object) -> None: ...


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the store is to say before it answers, last first."""
    monkeypatch.setattr(places, "_system", lambda bucket: (Failing(), ""))
    monkeypatch.setattr(places, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(Failing, "failures", [])
    return Failing.failures


def test_a_file_in_a_store_reads_as_any_other(failing: list[str]) -> None:
    with opened_place("s3://bucket/file") as file:
        assert file.read(3) == CONTENT[:3]
        assert file.seek(-2, io.SEEK_END) == 254
        assert (file.read(9), file.read(9), file.tell()) == (CONTENT[254:], b"", 256)
        file.seek(9)
        assert file.seek(1, io.SEEK_CUR) == 10
        assert file.read(None) == CONTENT[10:]


def test_a_store_that_is_busy_is_asked_again(failing: list[str]) -> None:
    failing += ["busy"] * 3
    with opened_place("s3://bucket/file") as file:
        failing += ["busy"] * 3
        assert file.read() == CONTENT
        failing += ["busy"] * 4
        file.seek(0)
        with pytest.raises(OSError, match="busy"):
            file.read()


def test_a_store_that_refuses_is_not(failing: list[str]) -> None:
    failing += ["busy", "AWS Error ACCESS_DENIED"]
    with pytest.raises(OSError, match="DENIED"), opened_place("s3://bucket/file"):
        pass
    assert failing == ["busy"]


def test_a_file_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    with opened_place(str(tmp_path / "file")) as file:
        assert file.read() == CONTENT
