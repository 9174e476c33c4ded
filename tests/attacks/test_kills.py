"""The short form of the attack with kills; `make attack` runs it in full."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from attacks.jobs import JOBS, Job, Place, differences, faults_of, prepare
from attacks.kills import Attacker

KILLS = {"segment": 2, "label": 2, "evaluate": 2, "pretrain": 2}
JOB = Job((), growing=("*.jsonl",), changing=("*.json",))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(prepare(tmp_path_factory.mktemp("attacked")))


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_what_was_killed_is_whole_and_the_next_run_ends_the_same(place: Place, name: str) -> None:
    attacker = Attacker(name, place, seed=1)
    row = attacker.attack(KILLS[name], range(10 * KILLS[name]))
    assert row.faults == []
    assert row.kills == KILLS[name]


class TestWhatIsAFault:
    def test_a_file_that_is_not_what_it_should_be(self) -> None:
        whole = {"a.jpg": b"whole", "b.jsonl": b'{"a": 1}\n{"b": 2}\n'}
        assert (
            faults_of(JOB, {"a.jpg": b"whole", "b.jsonl": b'{"a": 1}\n{"b', ".c.png.12345678.part": b""}, whole) == []
        )
        assert faults_of(JOB, {"a.jpg": b"who"}, whole) == ["a.jpg is not what it should be"]
        assert faults_of(JOB, {"b.jsonl": b'{"a": 2}\n'}, whole) == ["b.jsonl is not what it should be"]
        assert faults_of(JOB, {"c.jpg": b"whole"}, whole) == ["c.jpg is no file of the command"]

    def test_a_file_that_is_written_twice_can_be_read(self) -> None:
        assert faults_of(JOB, {"a.json": b"[1]"}, {"a.json": b"[2]"}) == []
        (fault,) = faults_of(JOB, {"a.json": b"[1"}, {"a.json": b"[2]"})
        assert fault.startswith("a.json cannot be read: JSONDecodeError")

    @pytest.mark.parametrize("end", [".jpg", ".png"])
    def test_half_a_picture_cannot_be_read(self, end: str, tmp_path: Path) -> None:
        path = tmp_path / f"a{end}"
        Image.effect_noise((40, 30), 50).save(path)
        data, job = path.read_bytes(), Job((), changing=(path.name,))
        assert faults_of(job, {path.name: data}, {}) == []
        assert len(faults_of(job, {path.name: data[: len(data) // 2]}, {})) == 1

    def test_trees_that_differ(self) -> None:
        found, whole = {"a": b"1", "b": b"2", "c": b"3"}, {"a": b"1", "b": b"x", "d": b"4"}
        assert differences(JOB, found, whole) == ["b is another", "c is left", "d is missing"]


def test_every_command_that_writes_files_is_attacked() -> None:
    commands = {job.command[0] for job in JOBS.values()}
    assert commands == {
        "segment",
        "segment-large",
        "heatmap",
        "label",
        "evaluate",
        "pretrain",
        "train",
        "export",
        "fetch",
    }
