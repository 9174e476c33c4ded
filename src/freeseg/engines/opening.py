"""A model by name, in the engine that `choose` chose for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freeseg import extras
from freeseg.engines.choose import IMAGE_FILES, Choice, LightFiles, Wish, choose, light_files, text_files
from freeseg.engines.processor import default_threads
from freeseg.errors import FreeSegError, reason
from freeseg.models.config import WEIGHTS, Config, read_config
from freeseg.models.onnx_files import OnnxFiles
from freeseg.models.registry import check_mode, find_model, load_folder
from freeseg.models.towers import family_of, zero_shot_family

if TYPE_CHECKING:
    from freeseg.engines.engine import Engine
    from freeseg.engines.onnx_engine import OnnxEngine, TextSide
    from freeseg.engines.onnx_text import OnnxText
    from freeseg.engines.torch_engine import TorchEngine


class Opened(NamedTuple):
    """A model that is ready to compute.

    Attributes:
        engine: What computes.
        config: Its preprocessing and decision rule.
        folder: Where its files are.
    """

    engine: Engine
    config: Config
    folder: Path


def open_model(
    name: str | Path, wish: Wish, *, revision: str | None = None, onnx: Path | None = None, threads: int | None = None
) -> Opened:
    """A model in the engine that suits it here.

    Args:
        name: The model, as `freeseg.load` takes it.
        wish: What the user asked for.
        revision: Branch, tag or commit on the hub; None for the newest.
        onnx: A file that `freeseg export` wrote of the model for any words; None for the model's own files.
        threads: How many threads compute; None for as many as suit this machine.

    Raises:
        WeightsError: No such model, or a file of it is missing or altered.
        FreeSegError: It cannot be used as it was asked for, or what it needs is not installed.
    """
    # Some files are first read later, and again where the model is unpickled: the current folder may be another then.
    folder, onnx = find_model(name, revision=revision).absolute(), onnx and onnx.absolute()
    config = read_config(folder) if zero_shot_family(folder) is None else None
    if config is not None:
        check_mode(config, wish.mode)
    if onnx is not None:
        return Opened(*_open_exported(onnx, folder, config, wish, threads), folder)
    files = _files(folder, config, wish)
    choice = choose(files, wish)
    if choice.engine == "onnxruntime" and files is not None and config is not None:
        return Opened(_open_shipped(files, choice.precision, threads or default_threads()), config, folder)
    engine = _open_torch(folder, name, wish, choice.precision, revision, threads)
    return Opened(engine, engine.config, folder)


def choose_for(folder: Path, wish: Wish) -> Choice:
    """The engine and the precision that the model in a folder runs in here, and why; it is not loaded.

    Args:
        folder: A model that FreeSeg trained.
        wish: What the user asked for.

    Raises:
        WeightsError: The folder holds no such model, or files of it are described wrongly.
        FreeSegError: It cannot be used as it was asked for.
    """
    return choose(_files(folder, read_config(folder), wish), wish)


def _files(folder: Path, config: Config | None, wish: Wish) -> LightFiles | None:
    """The files to run without PyTorch, where they may be used."""
    return light_files(folder, config) if config is not None and wish.engine != "torch" else None


def _open_torch(
    folder: Path, name: str | Path, wish: Wish, precision: str, revision: str | None, threads: int | None
) -> TorchEngine:
    extras.require(*extras.TORCH)
    from freeseg.engines.torch_engine import TorchEngine
    from freeseg.models.devices import require_device, require_precision

    device = require_device(wish.device)
    dtype = require_precision(precision, device)
    model, config = load_folder(folder, name, revision=revision, mode=wish.mode, dtype=dtype)
    return TorchEngine(model.to(device), config, threads=threads)


def _open_shipped(files: LightFiles, precision: str, threads: int) -> OnnxEngine:
    _require_onnxruntime()
    from freeseg.engines.onnx_engine import OnnxEngine

    model = files.model
    words = _onnx_text(files.text, model.folder, model.weights_sha256, shipped=model, threads=threads)
    return OnnxEngine.shipped(model, IMAGE_FILES[precision], words, threads=threads)


def _open_exported(
    onnx: Path, folder: Path, config: Config | None, wish: Wish, threads: int | None
) -> tuple[OnnxEngine, Config]:
    if wish.engine == "torch":
        raise FreeSegError("an ONNX file runs in onnxruntime; leave --onnx or --engine out")
    if not wish.on_cpu or wish.precision not in (None, "float32"):
        raise FreeSegError("an ONNX file runs on the CPU at its own precision; leave --device and --precision out")
    if config is None or not family_of(config.towers.image).runs_through_onnx:
        raise FreeSegError("photos through an ONNX file of a CLIP or SigLIP have no windows; leave --onnx out")
    _require_onnxruntime()
    from freeseg.engines.onnx_engine import OnnxEngine

    words: TextSide
    count = threads or default_threads()
    if text := text_files(config):
        shipped = light_files(folder, config)
        ships = shipped.model if shipped else None
        words = _onnx_text(text, folder, config.weights_sha256, shipped=ships, threads=count)
        weights_sha256 = config.weights_sha256
    else:
        words = _open_torch(folder, folder, wish, "float32", None, threads)
        weights_sha256 = words.weights_sha256
    return OnnxEngine.exported(onnx, weights_sha256, words, threads=count), config


def _onnx_text(
    tower: OnnxFiles, folder: Path, weights_sha256: str, *, shipped: OnnxFiles | None, threads: int
) -> OnnxText:
    from freeseg.engines.onnx_text import OnnxText

    return OnnxText(tower, folder / WEIGHTS, weights_sha256, shipped=shipped, threads=threads)


def _require_onnxruntime() -> None:
    """Check that onnxruntime can be imported: it holds machine code, for which a system may lack something."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise FreeSegError(
            f"onnxruntime cannot be imported ({reason(error)}); run: pip install --force-reinstall onnxruntime"
        ) from error
