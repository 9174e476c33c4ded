"""`freeseg segment`, stopped or killed at any moment, keeps whole results only."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import results_of, written
from freeseg.cli import STOPPED, TERMINATED
from processes import Started, freeseg_command

PHOTOS = 40


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos."""
    root = tmp_path_factory.mktemp("work")
    (root / "photos").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (PHOTOS, 60, 80, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(root / "photos" / f"{number}.png")
    return root


def begun(root: Path, out: str) -> Started:
    """A run that has done a photo."""
    process = Started.command("segment", "photos", "--labels", "cat", "--out", out, folder=root)
    process.wait_until(lambda: any((root / out).glob("*.json")))
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, STOPPED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_stops_it_after_the_photo_in_hand(root: Path, number: signal.Signals, code: int) -> None:
    with begun(root, number.name) as process:
        os.kill(process.pid, number)
        done = process.wait()
    assert (done.code, done.err) == (code, "freeseg: stopped; what was finished is kept\n")
    stems = [path.stem for path in (root / number.name).glob("*.json")]
    assert 0 < len(stems) < PHOTOS
    assert written(root / number.name) == results_of(*stems)


def test_what_a_killed_run_left_is_removed_by_the_next(root: Path) -> None:
    out = root / "killed"
    with begun(root, "killed") as process:
        process.kill()
    (out / ".0.json.abcdefg1.part").write_bytes(b"half")
    assert freeseg_command("segment", "photos", "-l", "cat", "--out", "killed", folder=root).code == 0
    assert written(out) == results_of(*map(str, range(PHOTOS)))
