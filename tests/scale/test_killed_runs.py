"""Runs over many photos that lose processes at random moments, and whose command is killed: for `make test-scale`.

Real Ray does the blocks; each output is compared, row by row, with that of an undisturbed run in one process.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from freeseg.distributed import Parts
from freeseg.distributed.drivers import in_this_process
from freeseg.distributed.on_ray import cluster, on_ray
from many_photos import LABELS, SHORT_SIDE, blocks_of, draw_photos, rows_of, small_plan
from ray_processes import workers

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("FREESEG_TEST_SCALE" not in os.environ, reason="takes minutes: make test-scale"),
]
PHOTOS, KILLS = 120, 10
WAIT_SECONDS = 120


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("many") / "photos", PHOTOS)


@pytest.fixture(scope="module")
def undisturbed(photos: Path) -> list[dict[str, object]]:
    """The rows that there should be."""
    plan, out = small_plan(), photos.parent / "undisturbed"
    list(in_this_process(blocks_of(photos, plan, out), plan, str(out), threads=2))
    return rows_of(out)


@pytest.fixture
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder whose path is short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_ten_kills_cost_nothing(
    photos: Path, undisturbed: list[dict[str, object]], tmp_path: Path, short_folder: Path
) -> None:
    plan, out, kills, chance = small_plan(), tmp_path / "out", 0, random.Random(0)  # noqa: S311 - no secret
    with cluster(), Parts(str(out)).begun(plan):
        outcomes = []
        for outcome in on_ray(blocks_of(photos, plan, out, size=2), plan, str(out)):
            outcomes.append(outcome)
            if kills < KILLS and chance.random() < 0.5 and (found := workers(os.getpid())):
                os.kill(chance.choice(found), signal.SIGKILL)
                kills += 1
    assert kills == KILLS
    left = blocks_of(photos, plan, out, size=2)
    assert len(left) == sum(bool(each.problem) for each in outcomes)  # one may be hit four times, by chance
    list(in_this_process(left, plan, str(out)))
    assert rows_of(out) == undisturbed


def test_a_killed_command_goes_on(
    photos: Path, undisturbed: list[dict[str, object]], tmp_path: Path, short_folder: Path
) -> None:
    out, kills = tmp_path / "out", 0
    options = ["--engine", "ray", "--labels", LABELS, "--short-side", str(SHORT_SIDE), "--out", str(out)]
    command = [sys.executable, "-m", "freeseg", "segment", str(photos), *options]
    parts = Parts(str(out))
    while kills < 3:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        before, begun = len(parts.names()), time.monotonic()
        while len(parts.names()) < before + 2 and running.poll() is None:
            assert time.monotonic() - begun < WAIT_SECONDS
            time.sleep(0.01)
        running.kill()
        running.communicate()
        kills += 1
    after = {name: (out / f"{name}.parquet").stat().st_mtime_ns for name in parts.names()}
    assert 0 < len(after) <= 8
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "they are in" in done.stdout
    assert rows_of(out) == undisturbed
