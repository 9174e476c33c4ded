"""A network's training that several processes share: the same as that of one process with the same batches."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from commands import Done
from freeseg.training import state
from launched import launch, train_network
from networks import draw_free_masks, tiny_task

LOSS, WEIGHT = 1e-5, 1e-5  # how far losses (relative) and weights may be from those of one process
CPU = torch.device("cpu")


def train(folder: Path, number: int, run: str, kill_after: int = 0) -> list[Done]:
    return launch(number, train_network, str(folder), str(folder / run), kill_after, folder=folder)


def reached(folder: Path, run: str) -> dict[str, object]:
    """The state of a training."""
    found = state.read(folder / run, tiny_task(folder).settings, CPU)
    assert found is not None
    return found


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, object]:
    """The state at which a training of one process ends; photos differ in how many of their pixels supervise."""
    masks, _ = draw_free_masks(tmp_path)
    for number, entry in enumerate(masks.entries):
        mask = np.array(Image.open(masks.folder / entry.mask))
        mask[: 5 * number] = 255
        Image.fromarray(mask).save(masks.folder / entry.mask)
    tiny_task(tmp_path).loop(tmp_path / "alone").fit()
    return reached(tmp_path, "alone")


def assert_close(shared: dict[str, object], alone: dict[str, object]) -> None:
    assert shared["step"] == alone["step"]
    for one, other in zip(shared["history"], alone["history"], strict=True):
        assert one == pytest.approx(other, rel=LOSS)
    for name in ("network", "average"):
        torch.testing.assert_close(shared[name], alone[name], rtol=0, atol=WEIGHT)


def test_two_processes_learn_what_one_learns(tmp_path: Path, alone: dict[str, object]) -> None:
    done = train(tmp_path, 2, "shared")
    assert [each.code for each in done] == [0, 0], done
    assert_close(reached(tmp_path, "shared"), alone)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_it_goes_on_with_another_number(tmp_path: Path, alone: dict[str, object], before: int, after: int) -> None:
    killed = train(tmp_path, before, "shared", kill_after=4)
    assert [each.code for each in killed] == [-signal.SIGKILL] * before
    assert reached(tmp_path, "shared")["step"] == 3  # where an epoch ended
    done = train(tmp_path, after, "shared")
    assert [each.code for each in done] == [0] * after, done
    assert_close(reached(tmp_path, "shared"), alone)
