"""The one place that decides which engine a model runs on, and at what precision."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from freeseg.engines.processor import int8_instructions
from freeseg.errors import FreeSegError, shortened
from freeseg.models.config import Config
from freeseg.models.onnx_files import (
    IMAGE,
    IMAGE_INT8,
    OnnxFiles,
    has_onnx_files,
    read_onnx_files,
    text_tower_folder,
)
from freeseg.models.precisions import canonical_precision

if TYPE_CHECKING:
    import torch

    from freeseg.engines.engine import Engine
    from freeseg.engines.torch_engine import TorchEngine

EngineName = Literal["auto", "onnxruntime", "torch"]
IMAGE_FILES = {"int8": IMAGE_INT8, "float32": IMAGE}  # precision -> file of the image side


@dataclass(frozen=True)
class Wish:
    """What a user asked for; `freeseg.load` explains the values."""

    engine: str = "auto"
    precision: str | None = None
    device: str = "cpu"
    mode: str | None = None

    @property
    def on_cpu(self) -> bool:
        """Whether it is to run on the processor."""
        return re.fullmatch(r"cpu(:\d+)?", self.device) is not None

    @classmethod
    def of(cls, engine: str, precision: str | torch.dtype | None, device: str | torch.device, mode: str | None) -> Wish:
        """What was asked for, in canonical names.

        Raises:
            FreeSegError: There is no such engine.
        """
        if engine not in get_args(EngineName):
            raise FreeSegError(f"no engine is called {shortened(engine)}; there are: {', '.join(get_args(EngineName))}")
        return cls(engine, None if precision is None else canonical_precision(str(precision)), str(device), mode)


class LightFiles(NamedTuple):
    """The files with which a model runs without PyTorch: its own, and those of its text tower."""

    model: OnnxFiles
    text: OnnxFiles


class Choice(NamedTuple):
    """Which engine runs a model, at what precision, and why."""

    engine: Literal["onnxruntime", "torch"]
    precision: str
    why: str


def light_files(folder: Path, config: Config) -> LightFiles | None:
    """The files with which a model runs without PyTorch; None where it has none.

    Raises:
        WeightsError: They are described wrongly, or belong to other weights than the model's.
    """
    text = text_files(config)
    if text is None or not has_onnx_files(folder):
        return None
    return LightFiles(read_onnx_files(folder, weights_sha256=config.weights_sha256), text)


def text_files(config: Config) -> OnnxFiles | None:
    """The files with which a model's words are embedded without PyTorch; None where it has none.

    Raises:
        WeightsError: They are described wrongly, or belong to another text tower than the model's.
    """
    tower = config.towers.text
    folder = text_tower_folder(tower)
    if folder is None or not config.weights_sha256 or tower not in config.towers_sha256:
        return None
    return read_onnx_files(folder, tower_sha256=config.towers_sha256[tower])


def choose(files: LightFiles | None, wish: Wish) -> Choice:
    """Choose the engine for a model.

    Args:
        files: Those with which it runs without PyTorch; None where it has none.
        wish: What the user asked for.

    Raises:
        FreeSegError: onnxruntime was asked for, or a precision of its own, and cannot be had.
    """
    if obstacle := _obstacle(files, wish):
        if wish.engine == "onnxruntime":
            raise FreeSegError(obstacle)
        if wish.precision == "int8":
            raise FreeSegError(f"int8 needs onnxruntime, but {_cause(obstacle)}; leave --precision out")
        return Choice("torch", wish.precision or "float32", _cause(obstacle))
    assert files is not None  # noqa: S101 - that would be an obstacle
    return _at_precision(files.model, wish.precision)


def _obstacle(files: LightFiles | None, wish: Wish) -> str:
    """Why onnxruntime does not run a model, and what to do about it; "" if it does."""
    if wish.engine == "torch":
        return "PyTorch was asked for; leave --engine out"
    if wish.mode is not None:
        return "onnxruntime knows no dense modes; leave --mode or --engine out"
    if not wish.on_cpu:
        return f"onnxruntime is used on the CPU only, not on {wish.device}; leave --device or --engine out"
    if files is None:
        return "the model has no files for onnxruntime; leave --engine out"
    if wish.precision not in (None, *IMAGE_FILES):
        return f"onnxruntime does not compute in {wish.precision}; leave --precision or --engine out"
    return ""


def _cause(obstacle: str) -> str:
    return obstacle.partition(";")[0]


def _at_precision(files: OnnxFiles, precision: str | None) -> Choice:
    if precision is not None and IMAGE_FILES[precision] not in files.files:
        raise FreeSegError(f"the model has no file in {precision}; leave --precision out")
    if precision is not None:
        return Choice("onnxruntime", precision, "it was asked for")
    if IMAGE_INT8 not in files.files:
        return Choice("onnxruntime", "float32", "the model has no file in int8")
    if instructions := int8_instructions():
        return Choice("onnxruntime", "int8", f"this processor has instructions for int8 ({instructions})")
    unknown = "it is not known whether this processor has instructions for int8"
    return Choice(
        "onnxruntime", "float32", unknown if instructions is None else "this processor has no instructions for int8"
    )


def require_torch(engine: Engine) -> TorchEngine:
    """The engine, if it is PyTorch's: training and exporting need the model itself.

    Raises:
        FreeSegError: It is another one.
    """
    from freeseg.engines.torch_engine import TorchEngine

    if not isinstance(engine, TorchEngine):
        raise FreeSegError('this needs the model in PyTorch; load it with engine="torch", without --onnx')
    return engine
