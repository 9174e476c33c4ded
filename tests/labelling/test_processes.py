"""Several processes give what one gives, and say what went wrong in one line."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from labelled import content

from freeseg.data import PhotoSource
from freeseg.errors import FreeSegError, OutputError, PhotoError, WeightsError
from freeseg.labelling import processes
from freeseg.labelling.labeller import Plan
from freeseg.labelling.processes import Process, default_workers, label_elsewhere
from freeseg.labelling.run import label
from freeseg.labelling.tasks import LabellingTask, labelling_tasks
from tiny_transformers import save_clip

FOREVER = 300  # seconds; a machine may be busy with other things


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that other processes can load."""
    return str(save_clip(tmp_path_factory.mktemp("clip")))


@pytest.fixture
def plan(plan: Plan, clip: str) -> Plan:
    return replace(plan, model=clip)


def test_two_processes_write_what_one_writes(sources: list[PhotoSource], plan: Plan) -> None:
    both = replace(plan, folder=plan.folder.with_name("both"))
    first, second = label(sources, plan, workers=1), label(sources, both, workers=2)
    assert first.masks.entries == second.masks.entries
    assert len(first.masks.entries) == 6
    assert content(plan.folder) == content(both.folder)


def test_no_more_photos_are_read_than_are_worked_on(
    sources: list[PhotoSource], plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in each process, and one to come."""

    class Slow:
        """Stands for a process; answers when asked."""

        def __init__(self, plan: Plan) -> None:
            self.connection = object()

        def send(self, job: LabellingTask) -> None:
            sent.append(job.number)

        def receive(self) -> PhotoError:
            return PhotoError("bad")

        def stop(self) -> None:
            stopped.append(True)

    def counted() -> Iterator[LabellingTask]:
        for job in labelling_tasks(sources, plan.vocabulary):
            read.append(job.number)
            yield job

    sent, read, stopped = list[int](), list[int](), list[bool]()
    monkeypatch.setattr(processes, "Process", Slow)
    monkeypatch.setattr(processes, "wait", lambda connections: connections[:1])
    for done, _ in enumerate(label_elsewhere(counted(), plan, 2), start=1):
        assert len(read) <= done + 2
    assert (sent, stopped) == (list(range(6)), [True, True])


def test_a_photo_that_cannot_be_read_costs_no_other(sources: list[PhotoSource], plan: Plan) -> None:
    good = next(labelling_tasks(sources, plan.vocabulary))
    given = [replace(good, number=0, image=b"no picture"), replace(good, number=1)]
    outcomes = {job.number: outcome for job, outcome in label_elsewhere(iter(given), plan, 1)}
    assert isinstance(outcomes[0], PhotoError)
    assert not isinstance(outcomes[1], PhotoError)
    assert outcomes[1].sha256 == good.sha256


def test_a_folder_that_cannot_be_written_ends_it(sources: list[PhotoSource], plan: Plan) -> None:
    plan.folder.write_text("a file in the place of the folder")
    with pytest.raises(OutputError, match="cannot write to"):
        list(label_elsewhere(labelling_tasks(sources, plan.vocabulary), plan, 1))


def test_a_model_that_is_gone_ends_it(sources: list[PhotoSource], plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        list(label_elsewhere(labelling_tasks(sources, plan.vocabulary), replace(plan, model=str(tmp_path / "gone")), 1))


def test_a_process_that_dies_is_told(sources: list[PhotoSource], plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    start = Process.__init__

    def watched(self: Process, plan: Plan) -> None:
        start(self, plan)
        begun.append(self._process.pid or 0)

    monkeypatch.setattr(Process, "__init__", watched)
    with closing(label_elsewhere(labelling_tasks(sources, plan.vocabulary), plan, 2)) as outcomes:
        next(outcomes)
        for pid in begun:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(FreeSegError, match=r"died \(exit code -9\)") as caught:
            list(outcomes)
    assert "\n" not in str(caught.value)


def test_processes_end_when_the_work_is_given_up(sources: list[PhotoSource], plan: Plan) -> None:
    process = Process(plan)
    process.send(next(labelling_tasks(sources, plan.vocabulary)))
    process.connection.close()
    process._process.join(FOREVER)
    assert process._process.exitcode == 0


def test_one_worker_on_a_gpu_and_never_more_than_memory_holds() -> None:
    assert default_workers("cuda") == default_workers("mps") == 1
    assert 1 <= default_workers("cpu") <= min(processes.cores(), processes.MOST_WORKERS)
