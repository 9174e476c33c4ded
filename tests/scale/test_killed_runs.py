"""Runs over many photos that lose processes, a machine, or their command: for `make test-scale`.

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
from freeseg.distributed.labelling import label_on_ray
from freeseg.distributed.on_ray import cluster, on_ray
from freeseg.labelling import label
from labelled import content
from many_photos import LABELS, SHORT_SIDE, draw_photos, job_of, rows_of
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


@pytest.fixture
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder whose path is short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def undisturbed(kind: str, photos: Path, folder: Path) -> list[dict[str, object]]:
    """The rows that there should be."""
    plan, missing = job_of(kind, photos, folder, size=2)
    list(in_this_process(missing(folder / "undisturbed"), plan, str(folder / "undisturbed"), threads=2))
    return rows_of(folder / "undisturbed")


@pytest.mark.parametrize("kind", ["masks", "embeddings", "query", "free masks"])
def test_ten_kills_cost_nothing(photos: Path, tmp_path: Path, short_folder: Path, kind: str) -> None:
    plan, missing = job_of(kind, photos, tmp_path, size=2)
    out, kills, chance = tmp_path / "out", 0, random.Random(0)  # noqa: S311 - no secret
    with cluster(), Parts(str(out)).begun(plan):
        outcomes = []
        for outcome in on_ray(missing(out), plan, str(out)):
            outcomes.append(outcome)
            if kills < KILLS and chance.random() < 0.5 and (found := workers(os.getpid())):
                os.kill(chance.choice(found), signal.SIGKILL)
                kills += 1
    assert kills == KILLS
    left = missing(out)
    assert len(left) == sum(bool(each.problem) for each in outcomes)  # one may be hit four times, by chance
    list(in_this_process(left, plan, str(out)))
    assert rows_of(out) == undisturbed(kind, photos, tmp_path)


def test_ten_kills_cost_no_free_mask(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [draw_photos(tmp_path / f"photos{number}", 40) for number in range(3)]
    kills, chance = 0, random.Random(0)  # noqa: S311 - no secret

    def killed(*_: object) -> None:
        nonlocal kills
        if kills < KILLS and chance.random() < 0.3 and (found := workers(os.getpid())):
            os.kill(chance.choice(found), signal.SIGKILL)
            kills += 1

    label(sources, tmp_path / "out", labels=LABELS, labeller=label_on_ray, progress=killed)
    assert kills == KILLS
    label(sources, tmp_path / "out", labels=LABELS, workers=1)  # one may be hit four times, by chance
    label(sources, tmp_path / "undisturbed", labels=LABELS, workers=1)
    assert content(tmp_path / "out") == content(tmp_path / "undisturbed")


@pytest.mark.parametrize("kind", ["masks", "embeddings", "query", "free masks"])
def test_a_machine_that_dies_costs_nothing(photos: Path, tmp_path: Path, short_folder: Path, kind: str) -> None:
    from ray.cluster_utils import Cluster

    plan, missing = job_of(kind, photos, tmp_path, size=2)
    out, outcomes, kept = tmp_path / "out", [], {"num_cpus": 1, "object_store_memory": 80_000_000}
    machines = Cluster(initialize_head=True, head_node_args=kept | {"temp_dir": str(short_folder / "ray")})
    try:
        second = machines.add_node(**kept)
        machines.wait_for_nodes()
        with cluster(machines.address) as processors, Parts(str(out)).begun(plan):
            for outcome in on_ray(missing(out), plan, str(out)):
                outcomes.append(outcome)
                if len(outcomes) == 10:
                    machines.remove_node(second, allow_graceful=False)
    finally:
        machines.shutdown()
    assert processors == 2
    assert sum(each.photos for each in outcomes if not each.problem) == PHOTOS
    assert rows_of(out) == undisturbed(kind, photos, tmp_path)


@pytest.mark.parametrize("command", ["segment", "embed", "label"])
def test_a_killed_command_goes_on(photos: Path, tmp_path: Path, short_folder: Path, command: str) -> None:
    out, kills = tmp_path / "out", 0
    words = [] if command == "embed" else ["--labels", LABELS]
    side = [] if command == "label" else ["--short-side", str(SHORT_SIDE)]
    given = [sys.executable, "-m", "freeseg", command, str(photos), *words, *side, "--engine", "ray", "--out", str(out)]

    def done() -> int:
        return len([*out.glob("*.parquet"), *out.glob("masks/*/*.png")])

    while kills < 3:
        running = subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        before, begun = done(), time.monotonic()
        while done() < before + 2 and running.poll() is None:
            assert time.monotonic() - begun < WAIT_SECONDS
            time.sleep(0.01)
        running.kill()
        running.communicate()
        kills += 1
    assert 0 < done() < (PHOTOS if command == "label" else -(-PHOTOS // 16) + 1)
    ended = subprocess.run(given, capture_output=True, text=True)
    assert "they are in" in ended.stdout or "photos labelled" in ended.stdout, ended.stderr
    if command == "label":
        assert ended.returncode == 1  # one photo is broken
        label(photos, tmp_path / "undisturbed", labels=LABELS, workers=1)
        assert content(out) == content(tmp_path / "undisturbed")
    else:
        kind = "masks" if command == "segment" else "embeddings"
        assert rows_of(out) == undisturbed(kind, photos, tmp_path)
