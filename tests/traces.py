"""What PyTorch's ONNX exporter made of a module, kept for all tests and all processes of `pytest -n`.

Tracing with sizes that vary takes seconds for the smallest model and half a minute for the embedded ones, and many
tests export the same. Only the call of `torch.onnx.export` is replaced; all that FreeSeg does with what comes out of it
is done each time, and so is the comparison of the file with PyTorch.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import onnx_ir as ir
import pytest
import torch
from torch import Tensor, nn

from freeseg.export.tracing import rename_inner
from freeseg.files import file_lock


class Program(NamedTuple):
    """What FreeSeg uses of `torch.onnx.ONNXProgram`."""

    model: ir.Model

    @property
    def model_proto(self) -> onnx.ModelProto:
        proto: onnx.ModelProto = ir.to_proto(self.model)
        return proto


class Traces:
    """`torch.onnx.export`, once for each module with its weights, its inputs and the options.

    Args:
        folder: Where they are kept.
        export: The `torch.onnx.export` that is called for what is not there.
    """

    def __init__(self, folder: Path, export: Callable[..., Any]):
        self.folder, self.export = folder, export

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], **options: Any) -> Any:
        key = _key(module, inputs, options)
        if key is None:
            return self.export(module, inputs, **options)
        lock, kept = self.folder / f"{key}.lock", self.folder / f"{key}.trace"
        lock.touch()
        with file_lock(lock):
            if not kept.exists():
                with unmeasured():
                    program = self.export(module, inputs, **options)
                rename_inner(program.model.graph)  # or the file could not be read
                kept.write_bytes(ir.to_proto(program.model).SerializeToString())
        return Program(ir.from_proto(onnx.ModelProto.FromString(kept.read_bytes())))


@contextmanager
def unmeasured() -> Iterator[None]:
    """Without the tracer of `pytest --cov`, of which the exporter's calls, tens of millions, would take twice as long.

    What FreeSeg's modules do in there they do elsewhere too, where it is measured.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


class _Description(pickle.Pickler):
    """Everything that a module is, the same in every process: tensors as hashes instead of addresses, sets sorted."""

    def persistent_id(self, value: object) -> object:
        if isinstance(value, set | frozenset):
            return sorted(map(repr, value))
        if not isinstance(value, Tensor):
            return None
        content = value.detach().contiguous().numpy().tobytes()
        return type(value).__name__, str(value.dtype), value.shape, value.stride(), hashlib.sha256(content).hexdigest()


def _key(module: nn.Module, inputs: tuple[Tensor, ...], options: dict[str, Any]) -> str | None:
    """What a trace depends on; None for a module with a part that has no name, such as a function of a test."""
    shapes = [list(each.shape) for each in inputs]  # the values are examples
    written = io.BytesIO()
    try:
        _Description(written).dump((module, shapes, sorted(options.items(), key=lambda item: item[0])))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return hashlib.sha256(written.getvalue() + torch.__version__.encode()).hexdigest()[:32]


@pytest.fixture(scope="session", autouse=True)
def traces_are_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For every test and doctest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", Traces(shared_folder(tmp_path_factory), torch.onnx.export))
        yield


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is made once for all processes of `pytest -n`."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
