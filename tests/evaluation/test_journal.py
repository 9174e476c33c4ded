"""A journal: what a killed evaluation leaves behind can be gone on from, and nothing else can."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from freeseg.errors import OutputError
from freeseg.evaluation.journal import append, resume
from freeseg.evaluation.records import PhotoRecord, Run
from reports import photo_record

NAMES = ("a", "b", "c")
RUN = Run("mine", ("x", "y"), False, 3, "ab", "plain", {"name": "freeseg"}, "m", "cd", "freeseg", {"python": "3"})


def record(name: str) -> PhotoRecord:
    return photo_record(name, [(0, 1, 7)], [(0, 1, 2)], {0: 4.5}, [1], [0], [(3, 7, 1.7, 0)])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with two of three photos."""
    path = tmp_path / "sub" / "photos.jsonl"
    assert resume(path, RUN, NAMES) == []
    for name in NAMES[:2]:
        append(path, record(name))
    return path


def refused(path: Path, run: Run = RUN, names: tuple[str, ...] = NAMES) -> str:
    before = path.read_bytes()
    with pytest.raises(OutputError) as caught:
        resume(path, run, names)
    assert path.read_bytes() == before
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_it_goes_on(journal: Path) -> None:
    assert resume(journal, RUN, NAMES) == [record("a"), record("b")]
    append(journal, record("c"))
    assert resume(journal, RUN, NAMES) == [record(name) for name in NAMES]


def test_wherever_it_was_cut_all_whole_photos_are_kept(journal: Path) -> None:
    """A kill may come between any two bytes."""
    whole = journal.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        journal.write_bytes(whole[:cut])
        photos = max(0, sum(end <= cut for end in ends) - 1)
        assert len(resume(journal, RUN, NAMES)) == photos
        append(journal, record(NAMES[photos]))
        assert resume(journal, RUN, NAMES) == [record(name) for name in NAMES[: photos + 1]]


def test_the_command_may_differ(journal: Path) -> None:
    assert len(resume(journal, replace(RUN, command="freeseg evaluate --workers 4"), NAMES)) == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"setting": "aliases"}, "setting"),
        ({"model_sha256": "ef"}, "model_sha256"),
        ({"protocol": {"name": "sclip"}, "dataset": "theirs"}, "dataset, protocol"),
    ],
)
def test_another_run_is_refused_and_what_differs_is_named(journal: Path, change: dict, named: str) -> None:
    message = refused(journal, replace(RUN, **change))
    assert f"({named} differ)" in message
    assert str(journal) in message


@pytest.mark.parametrize("names", [("b", "a", "c"), ("a",), ("a", "c", "b")])
def test_other_photos_are_refused(journal: Path, names: tuple[str, ...]) -> None:
    assert "other photos" in refused(journal, names=names)


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b'{"name": "c"}\n', b"\xff\n", b"3\n"])
def test_a_damaged_line_is_refused(journal: Path, line: bytes) -> None:
    journal.write_bytes(journal.read_bytes() + line)
    assert "delete it to start again" in refused(journal)


@pytest.mark.parametrize("line", [b"{\n", b"[1]\n", b"{}\n"])
def test_a_damaged_first_line_is_refused(journal: Path, line: bytes) -> None:
    journal.write_bytes(line)
    assert "delete it to start again" in refused(journal)


def test_a_journal_that_is_gone_is_not_begun_without_its_head(journal: Path) -> None:
    journal.unlink()
    with pytest.raises(OutputError, match="cannot be written"):
        append(journal, record("c"))
    assert not journal.exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left"):
        append(tmp_path / "full", record("a"))
