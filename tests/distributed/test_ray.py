"""Real Ray, with two processes on this machine, of which one is killed."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from freeseg.distributed import Outcome, Parts
from freeseg.distributed.drivers import in_this_process
from freeseg.distributed.on_ray import cluster, on_ray
from freeseg.errors import FreeSegError
from freeseg.extras import is_installed
from many_photos import blocks_of, draw_photos, rows_of, small_plan
from ray_processes import workers

# Not `importorskip`: what is asked of Ray by variables is asked before it is imported.
pytestmark = pytest.mark.skipif(not is_installed("ray"), reason="Ray is not installed")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path is short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_killed_process_costs_nothing(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(short_folder))
    monkeypatch.setattr("freeseg.distributed.on_ray.available_cores", lambda: 2)
    untouched = "ray" not in sys.modules  # else Ray knows already where its token is
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    stops = signal.getsignal(signal.SIGTERM)
    photos, plan, killed = draw_photos(tmp_path / "photos", 16), small_plan(), []
    with cluster() as processors, Parts(str(tmp_path / "out")).begun(plan):
        outcomes: list[Outcome] = []
        assert signal.getsignal(signal.SIGTERM) == stops
        for outcome in on_ray(blocks_of(photos, plan, tmp_path / "out", size=1), plan, str(tmp_path / "out")):
            if not killed:
                killed = workers(os.getpid())[:1]
                for process in killed:
                    os.kill(process, signal.SIGKILL)
            outcomes.append(outcome)
    assert processors == 2
    assert len(killed) == 1
    assert (sum(each.photos for each in outcomes), sum(each.broken for each in outcomes)) == (16, 1)
    assert not any(each.problem for each in outcomes)
    assert not workers(os.getpid())
    assert not list(short_folder.iterdir())
    assert not untouched or not list(home.iterdir())
    undisturbed = tmp_path / "undisturbed"
    list(in_this_process(blocks_of(photos, plan, undisturbed), plan, str(undisturbed), threads=2))
    assert rows_of(tmp_path / "out") == rows_of(undisturbed)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_nobody_answers_at_is_named(address: str) -> None:
    with pytest.raises(FreeSegError, match=f"no cluster of Ray answers at {address}"), cluster(address):
        pass


def test_an_address_without_a_port_is_refused() -> None:
    with pytest.raises(FreeSegError, match="such as head:6379, not head"), cluster("head"):
        pass
