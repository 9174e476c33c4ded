"""Devices and precisions are refused in one line before the work, where this machine lacks them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import freeseg
from freeseg.errors import FreeSegError
from freeseg.models.devices import require_device, require_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["float32", "fp32", "torch.float32", torch.float32])
def test_a_precision_has_several_names(name: str | torch.dtype) -> None:
    assert require_precision(name, CPU) == torch.float32


@pytest.mark.parametrize("name", ["nonsense", "cuda:99", "meta", "hpu", "privateuseone", "xla", "cpu:-1"])
def test_a_device_that_is_not_there(name: str) -> None:
    with pytest.raises(FreeSegError, match=f"device '{name}' cannot be used here .*; try cpu") as caught:
        require_device(name)
    assert len(str(caught.value).splitlines()) == 1


def test_a_precision_that_the_cpu_lacks_is_refused(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freeseg.models.devices.cpu_supports", lambda dtype: dtype == torch.float32)
    with pytest.raises(FreeSegError, match="this CPU does not compute in float16; use one of: float32"):
        freeseg.load(folders["clip"], precision="float16")
    with pytest.raises(
        FreeSegError,
        match="int8 needs onnxruntime, but the model has no files for onnxruntime; leave",
    ):
        freeseg.load(folders["clip"], precision="int8")
