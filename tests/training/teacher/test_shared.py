"""A teacher's training that several processes share: losses, gradients and weights of one process."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from freeseg.errors import DataError
from freeseg.training import processes
from freeseg.training.teacher.batches import check_batch
from launched import launch, train_teacher, write_teacher_gradients
from teachers import RECIPE

# Three photos of each batch have no captions, which two processes cannot share evenly.
EVERYTHING = {"batch_size": 12, "nouns": 0.5, "distill_kinds": 0.5, "attention": "energy"}
LOSS, WEIGHT = 1e-5, 1e-5  # how far losses and gradients (relative) and weights may be from those of one process


def state_of(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "state.pt", weights_only=True)
    return state


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The state at which a training of one process ends."""
    folder = tmp_path_factory.mktemp("alone")
    train_teacher(str(folder), 0, EVERYTHING)
    return state_of(folder)


def assert_close(shared: dict[str, Any], alone: dict[str, Any]) -> None:
    assert shared["step"] == alone["step"] == 6
    for one, other in zip(shared["history"], alone["history"], strict=True):
        assert one == pytest.approx(other, rel=LOSS)
    for name in ("heads", "log_scale"):
        torch.testing.assert_close(shared[name], alone[name], rtol=0, atol=WEIGHT)


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize(("pooling", "where"), [("smoothed-min", "similarities"), ("masked-max", "features")])
def test_losses_and_gradients_are_those_of_one(tmp_path: Path, number: int, pooling: str, where: str) -> None:
    changes = EVERYTHING | {"pooling": pooling, "where": where}
    write_teacher_gradients(str(tmp_path / "alone"), changes)
    done = launch(number, write_teacher_gradients, str(tmp_path / "shared"), changes, folder=tmp_path)
    assert [each.code for each in done] == [0] * number, done
    alone, shared = (torch.load(tmp_path / name, weights_only=True) for name in ("alone", "shared"))
    assert shared["losses"] == pytest.approx(alone["losses"], rel=LOSS)
    for one, other in zip(shared["gradients"], alone["gradients"], strict=True):
        torch.testing.assert_close(one, other, rtol=LOSS, atol=LOSS * other.abs().max().item())


def test_two_processes_learn_what_one_learns(tmp_path: Path, alone: dict[str, Any]) -> None:
    done = launch(2, train_teacher, str(tmp_path), 0, EVERYTHING, folder=tmp_path)
    assert [each.code for each in done] == [0, 0], done
    assert_close(state_of(tmp_path), alone)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_it_goes_on_with_another_number(tmp_path: Path, alone: dict[str, Any], before: int, after: int) -> None:
    killed = launch(before, train_teacher, str(tmp_path), 3, EVERYTHING, folder=tmp_path)
    assert [each.code for each in killed] == [-signal.SIGKILL] * before
    assert state_of(tmp_path)["step"] == 2  # where an epoch ended
    done = launch(after, train_teacher, str(tmp_path), 0, EVERYTHING, folder=tmp_path)
    assert [each.code for each in done] == [0] * after, done
    assert_close(state_of(tmp_path), alone)


def test_processes_that_do_not_see_the_same_folder_end(tmp_path: Path) -> None:
    launch(1, train_teacher, str(tmp_path / "run-0"), 3, EVERYTHING, folder=tmp_path)
    for done in launch(2, train_teacher, str(tmp_path / "run-{rank}"), 0, EVERYTHING, folder=tmp_path):
        assert done.code == 1
        assert "is not the same for all processes of this training; choose an --out that all machines see" in done.err


def test_a_batch_that_processes_cannot_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "count", lambda: 3)
    with pytest.raises(DataError, match="a batch of 8 cannot be shared by 3 processes; change --batch-size"):
        check_batch(100, replace(RECIPE, batch_size=8))
