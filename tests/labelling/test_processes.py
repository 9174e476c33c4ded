"""Several processes give what one gives, and say what went wrong in one line."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from freeseg.data import PhotoSource
from freeseg.data.free_masks import Entry
from freeseg.errors import FreeSegError, FullDiskError, OutputError, PhotoError, WeightsError
from freeseg.labelling import processes
from freeseg.labelling.photo import LabellingOptions
from freeseg.labelling.processes import Process, default_workers, label_in_processes, label_in_this_process
from freeseg.labelling.tasks import LabellingTask, labelling_tasks
from freeseg.models import checkpoint, towers
from freeseg.pipeline import FreeSeg
from freeseg.results.segmentation import Segmentation
from freeseg.system import available_cores
from labelled import content, run
from tiny_transformers import save_clip

FOREVER = 300  # seconds; a machine may be busy with other things


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that other processes can load."""
    return str(save_clip(tmp_path_factory.mktemp("clip")))


@pytest.fixture
def options(options: LabellingOptions, clip: str) -> LabellingOptions:
    return replace(options, model=clip)


@pytest.mark.usefixtures("forked")
def test_two_processes_write_what_one_writes(sources: list[PhotoSource], options: LabellingOptions) -> None:
    both = replace(options, folder=options.folder.with_name("both"))
    first, second = run(sources, options, workers=1), run(sources, both, workers=2)
    assert first.masks.entries == second.masks.entries
    assert len(first.masks.entries) == 6
    assert content(options.folder) == content(both.folder)


@pytest.mark.usefixtures("forked")
def test_processes_know_which_towers_the_user_has_named(
    sources: list[PhotoSource], options: LabellingOptions, clip: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A model whose tower lies elsewhere, as that of a network whose teacher is a CLIP."""
    pair = towers.resolve(clip)
    model = towers.untrained(pair)
    folder = tmp_path_factory.mktemp("models") / "mine"
    checkpoint.save(model, checkpoint.new_config("mine", pair, model), folder)
    assert len(run(sources, replace(options, model=str(folder)), workers=2).masks.entries) == 6


def test_no_more_photos_are_read_than_are_worked_on(
    sources: list[PhotoSource], options: LabellingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in each process, and one to come."""

    class Slow:
        """Stands for a process; answers when asked."""

        def __init__(self, options: LabellingOptions) -> None:
            self.connection = BytesIO()

        def send(self, task: LabellingTask) -> None:
            sent.append(task.number)

        def receive(self) -> PhotoError:
            return PhotoError("bad")

        def stop(self) -> None:
            stopped.append(True)

    def counted() -> Iterator[LabellingTask]:
        for task in labelling_tasks(sources, options.vocabulary):
            read.append(task.number)
            yield task

    sent, read, stopped = list[int](), list[int](), list[bool]()
    monkeypatch.setattr(processes, "Process", Slow)
    monkeypatch.setattr(processes, "wait", lambda connections: connections[:1])
    for done, _ in enumerate(label_in_processes(counted(), options, workers=2), start=1):
        assert len(read) <= done + 2
    assert (sent, stopped) == (list(range(6)), [True, True])


@pytest.mark.usefixtures("forked")
def test_a_photo_that_cannot_be_read_costs_no_other(sources: list[PhotoSource], options: LabellingOptions) -> None:
    good = next(labelling_tasks(sources, options.vocabulary))
    given = [replace(good, number=0, image=b"no picture"), replace(good, number=1)]
    outcomes = {task.number: outcome for task, outcome in label_in_processes(iter(given), options, workers=1)}
    assert isinstance(outcomes[0], PhotoError)
    assert isinstance(outcomes[1], Entry)
    assert outcomes[1].sha256 == good.sha256


@pytest.mark.usefixtures("forked")
def test_a_mask_that_cannot_be_written_costs_no_other(sources: list[PhotoSource], options: LabellingOptions) -> None:
    tasks = list(labelling_tasks(sources, options.vocabulary))
    (options.folder / tasks[0].mask).mkdir(parents=True)
    outcomes = {task.number: outcome for task, outcome in label_in_processes(iter(tasks), options, workers=1)}
    assert isinstance(outcomes[0], OutputError)
    assert [number for number, outcome in outcomes.items() if isinstance(outcome, OutputError)] == [0]


def test_a_full_disk_ends_it(
    sources: list[PhotoSource], options: LabellingOptions, on_tiny: FreeSeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise FullDiskError("no space")

    monkeypatch.setattr(processes, "label_photo", full)
    with pytest.raises(FullDiskError):
        list(label_in_this_process(labelling_tasks(sources, options.vocabulary), options, on_tiny))


@pytest.mark.usefixtures("forked")
def test_a_full_disk_in_another_process_ends_it(options: LabellingOptions) -> None:
    process = Process(options)
    process.stop()
    process.connection, theirs = multiprocessing.Pipe()
    theirs.send(FullDiskError("no space"))
    with pytest.raises(FullDiskError, match="no space"):
        process.receive()


@pytest.mark.usefixtures("forked")
def test_a_model_that_is_gone_ends_it(sources: list[PhotoSource], options: LabellingOptions, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        list(
            label_in_processes(
                labelling_tasks(sources, options.vocabulary), replace(options, model=str(tmp_path / "gone")), workers=1
            )
        )


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that are started."""
    pids: list[int] = []
    start = Process.__init__

    def watched(self: Process, options: LabellingOptions) -> None:
        start(self, options)
        pids.append(self._process.pid or 0)

    monkeypatch.setattr(Process, "__init__", watched)
    return pids


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("killed", [0, 1])
def test_another_process_takes_the_photo_of_one_that_dies(
    killed: int, sources: list[PhotoSource], options: LabellingOptions, begun: list[int]
) -> None:
    tasks = list(labelling_tasks(sources, options.vocabulary))
    with closing(label_in_processes(iter(tasks), options, workers=2)) as outcomes:
        done = [next(outcomes)]
        os.kill(begun[killed], signal.SIGKILL)
        done += outcomes
    assert sorted(task.file for task, _ in done) == sorted(task.file for task in tasks)
    assert all(isinstance(outcome, Entry) for _, outcome in done)
    assert len(begun) == 3


@pytest.mark.usefixtures("forked")
def test_a_second_process_that_dies_is_told(
    sources: list[PhotoSource], options: LabellingOptions, begun: list[int]
) -> None:
    with closing(label_in_processes(labelling_tasks(sources, options.vocabulary), options, workers=2)) as outcomes:
        next(outcomes)
        for pid in begun:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(FreeSegError, match=r"died \(exit code -9\)") as caught:
            list(outcomes)
    assert "\n" not in str(caught.value)


def test_processes_end_when_the_work_is_given_up(sources: list[PhotoSource], options: LabellingOptions) -> None:
    process = Process(options)
    process.send(next(labelling_tasks(sources, options.vocabulary)))
    process.connection.close()
    process._process.join(FOREVER)
    assert process._process.exitcode == 0


def test_one_worker_on_a_gpu_and_never_more_than_memory_holds() -> None:
    assert default_workers("cuda") == default_workers("mps") == 1
    assert 1 <= default_workers("cpu") <= min(available_cores(), processes.MAX_DEFAULT_WORKERS)


class Broken(FreeSeg):
    """A model that fails as no one foresaw."""

    def __init__(self) -> None: ...

    def segment_known(self, *_: object, **__: object) -> Segmentation:
        raise RuntimeError("the expanded size\n  (7) must match")


def test_what_no_one_foresaw_is_one_line_that_names_the_photo(
    sources: list[PhotoSource], options: LabellingOptions
) -> None:
    task = next(labelling_tasks(sources, options.vocabulary))
    line = "captioned/a.png cannot be labelled (RuntimeError: the expanded size (7) must match); "
    outcome = processes._outcome(task, options, Broken)
    assert type(outcome) is FreeSegError
    assert str(pickle.loads(pickle.dumps(outcome))).startswith(line)  # noqa: S301  # our own
    with pytest.raises(FreeSegError, match=re.escape(line)):
        list(label_in_this_process(iter([task]), options, Broken()))
