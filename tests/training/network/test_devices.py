"""Where a network is trained, and at which precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

from freeseg.errors import FreeSegError
from freeseg.training.network.devices import accelerator
from networks import RECIPE, tiny_task


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """Accelerate keeps the first precision of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize(
    ("asked", "mixed"),
    [("auto", "no"), ("float32", "no"), ("fp32", "no"), ("bfloat16", "bf16"), ("bf16", "bf16")],
)
def test_precisions_by_their_long_and_short_names(asked: str, mixed: str):
    found = accelerator("cpu", asked)
    assert (found.device, found.mixed_precision) == (torch.device("cpu"), mixed)


def test_no_such_precision():
    with pytest.raises(FreeSegError, match="it must be one of: auto, float32, bfloat16, float16"):
        accelerator("cpu", "int8")


def test_half_precision_needs_a_gpu():
    with pytest.raises(FreeSegError, match="float16 needs a GPU; use --precision float32, or bfloat16"):
        accelerator("cpu", "fp16")


def test_no_such_device():
    with pytest.raises(FreeSegError, match="device is 'cuda:1'; it must be one of: auto, cpu, cuda, mps; CUDA_VIS"):
        accelerator("cuda:1")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is one")
def test_a_device_that_is_not_here():
    with pytest.raises(FreeSegError, match="device 'mps' cannot be used here"):
        accelerator("mps")


def test_a_training_in_mixed_precision(tmp_path: Path):
    exact = tiny_task(tmp_path, replace(RECIPE, epochs=1)).loop(tmp_path / "float32")
    exact.fit()
    AcceleratorState._reset_state(reset_partial_state=True)
    task = tiny_task(tmp_path, replace(RECIPE, epochs=1), on=accelerator("cpu", "bfloat16"))
    mixed = task.loop(tmp_path / "bfloat16")
    mixed.fit()
    assert {tensor.dtype for tensor in task.average.trained_tensors().values()} == {torch.float32}
    losses, others = ([step["masks"] for step in each.history] for each in (exact, mixed))
    assert losses != others
    assert others == pytest.approx(losses, rel=0.05)
