"""The one place that decides which engine a model runs on."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from freeseg.engines.engine import Engine
from freeseg.engines.torch_engine import TorchEngine
from freeseg.errors import FreeSegError
from freeseg.models.towers import family_of


def choose_engine(torch_engine: TorchEngine, onnx: Path | None, *, threads: int | None = None) -> Engine:
    """The engine for a model: onnxruntime where a file of its image side is given, else PyTorch.

    Args:
        torch_engine: The model in PyTorch.
        onnx: A file that `freeseg export` wrote of it for any words.
        threads: How many threads onnxruntime computes with; None for as many as PyTorch would.

    Raises:
        FreeSegError: The model cannot be looked at by onnxruntime as it was asked for.
    """
    if onnx is None:
        return torch_engine
    import torch

    if torch_engine.device.type != "cpu" or torch_engine.model.precision != torch.float32:
        raise FreeSegError("an ONNX file runs on the CPU at its own precision; leave --device and --precision out")
    if not family_of(torch_engine.config.towers.image).runs_through_onnx:
        raise FreeSegError("photos through an ONNX file of a CLIP or SigLIP have no windows; leave --onnx out")
    if find_spec("onnxruntime") is None:  # few need it, so it is not installed for everyone
        raise FreeSegError('an ONNX file needs onnxruntime; run: pip install "freeseg[export]"')
    from freeseg.engines.onnx_engine import OnnxEngine

    return OnnxEngine(onnx, torch_engine, threads=threads or torch.get_num_threads())


def require_torch(engine: Engine) -> TorchEngine:
    """The engine, if it is PyTorch's: training and exporting need the model itself.

    Raises:
        FreeSegError: It is another one.
    """
    if not isinstance(engine, TorchEngine):
        raise FreeSegError("this needs the model in PyTorch; leave --onnx out")
    return engine
