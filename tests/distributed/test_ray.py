"""Real Ray, with two processes on this machine, of which one is killed."""

from __future__ import annotations

import math
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from freeseg.distributed import Outcome, Parts, Plan, labelling
from freeseg.distributed.drivers import in_this_process
from freeseg.distributed.on_ray import cluster, on_ray, spread
from freeseg.errors import FreeSegError, OutputError, WeightsError
from freeseg.extras import is_installed
from freeseg.labelling import LabellingResult, label
from labelled import content
from labelled import draw_photos as draw_captioned
from many_photos import blocks_of, draw_photos, job_of, rows_of, small_plan
from ray_processes import workers

# Not `importorskip`: what is asked of Ray by variables is asked before it is imported.
pytestmark = pytest.mark.skipif(not is_installed("ray"), reason="Ray is not installed")


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A cluster on this machine, which leaves nothing behind; gives its processors."""
    home, stops = tmp_path_factory.mktemp("home"), signal.getsignal(signal.SIGTERM)
    untouched = "ray" not in sys.modules  # else Ray knows already where its token is
    # A temporary folder whose path is short enough for Ray's sockets.
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="fs-") as short:
        patch.setattr(tempfile, "tempdir", short)
        patch.setattr("freeseg.distributed.on_ray.available_cores", lambda: 2)
        patch.setenv("HOME", str(home))
        with cluster() as processors:
            assert signal.getsignal(signal.SIGTERM) == stops
            yield processors
        assert not workers(os.getpid())
        assert not list(Path(short).iterdir())
    assert not untouched or not list(home.iterdir())


def run(photos: Path, plan: Plan, out: Path, *, size: int = 3) -> Iterator[Outcome]:
    """Do on Ray what is missing."""
    with Parts(str(out)).begun(plan):
        yield from on_ray(blocks_of(photos, plan, out, size=size), plan, str(out))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["masks", "query"])
def test_a_killed_process_costs_nothing(ray_here: int, tmp_path: Path, kind: str) -> None:
    photos, out, undisturbed = draw_photos(tmp_path / "photos", 16), tmp_path / "out", tmp_path / "undisturbed"
    plan, missing = job_of(kind, photos, tmp_path, size=1)
    killed: list[int] = []
    outcomes: list[Outcome] = []
    with Parts(str(out)).begun(plan):
        for outcome in on_ray(missing(out), plan, str(out)):
            if not killed:
                killed = workers(os.getpid())[:1]
                for process in killed:
                    os.kill(process, signal.SIGKILL)
            outcomes.append(outcome)
    assert ray_here == 2
    assert len(killed) == 1
    assert (sum(each.photos for each in outcomes), sum(each.broken for each in outcomes)) == (16, 1)
    assert not any(each.problem for each in outcomes)
    list(in_this_process(missing(undisturbed), plan, str(undisturbed), threads=2))
    assert rows_of(out) == rows_of(undisturbed)


@pytest.mark.slow
def test_labels_are_those_of_one_process_and_what_is_done_stays_done(
    ray_here: int, tmp_path: Path, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "cluster", lambda address: nullcontext(ray_here))
    captioned, _ = draw_captioned(tmp_path)
    real = tmp_path / "real"
    shutil.copytree(photo_folder, real)
    (real / "broken.jpg").write_bytes(b"no photo")
    here, there, told = tmp_path / "here", tmp_path / "there", []
    labeller = partial(labelling.label_on_ray, started=told.append)

    def labelled(out: Path, **options: Any) -> LabellingResult:
        return label([captioned, real], out, labels="cat|kitten, cup, dog, sofa|couch", **options)

    expected, done = labelled(here, workers=1), labelled(there, labeller=labeller)
    assert (done.labelled, done.failed) == (expected.labelled, expected.failed)
    assert (done.labelled, len(done.failed)) == (7, 1)
    assert content(there) == content(here)
    (real / "broken.jpg").unlink()
    assert labelled(there, labeller=labeller).labelled == 0
    assert told == [2]  # the second time, Ray is not asked for
    with pytest.raises(OutputError, match="holds masks of another vocabulary"):
        label([real], there, labels="horse", labeller=labeller)


@pytest.mark.slow
def test_machines_that_differ_say_so(ray_here: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, plan = draw_photos(tmp_path / "photos", 2), small_plan()
    with pytest.raises(WeightsError, match="a machine has another model under the name freeseg-lite; copy the same"):
        list(run(photos, replace(plan, weights_sha256="0" * 64), tmp_path / "weights"))
    blocks = blocks_of(photos, plan, tmp_path / "unseen")
    with pytest.raises(OutputError, match=r"a machine of the cluster does not see .*unseen; name a folder that all"):
        list(on_ray(blocks, plan, str(tmp_path / "unseen")))
    monkeypatch.setattr("freeseg.distributed.on_ray.__version__", "0.0.1")
    with pytest.raises(FreeSegError, match=r"a machine has FreeSeg .*, and the run was started by 0\.0\.1; install"):
        list(run(photos, plan, tmp_path / "version"))


@pytest.mark.slow
def test_a_machine_that_lacks_what_the_command_has_is_told(ray_here: int) -> None:
    with pytest.raises(FreeSegError, match=r"a machine of the cluster cannot do its work: .*; see that all have FreeS"):
        list(spread(math.sqrt, ["no number"]))


@pytest.mark.slow
def test_a_full_disk_on_a_machine_is_told_and_nothing_is_lost(ray_here: int, tmp_path: Path) -> None:
    photos, plan, out = draw_photos(tmp_path / "photos", 9), small_plan(), tmp_path / "out"
    processes, unlimited = workers(os.getpid()), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    for process in processes:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    with pytest.raises(OutputError, match=r"cannot write .*: File too large; .* choose another disk"):
        list(run(photos, plan, out))
    for process in processes:
        with suppress(ProcessLookupError):
            resource.prlimit(process, resource.RLIMIT_FSIZE, unlimited)
    assert sum(each.photos for each in run(photos, plan, out)) == 9
    undisturbed = tmp_path / "undisturbed"
    list(in_this_process(blocks_of(photos, plan, undisturbed), plan, str(undisturbed), threads=2))
    assert rows_of(out) == rows_of(undisturbed)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_nobody_answers_at_is_named(address: str) -> None:
    with pytest.raises(FreeSegError, match=f"no cluster of Ray answers at {address}"), cluster(address):
        pass


def test_an_address_without_a_port_is_refused() -> None:
    with pytest.raises(FreeSegError, match="such as head:6379, not head"), cluster("head"):
        pass
