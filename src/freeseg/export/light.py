"""A model's light files: its image side and its background words, for a folder that runs without PyTorch.

They stand beside the model's checkpoint, and refer to it for the weights that it holds (`half_storage`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.numpy import save
from torch import Tensor

from freeseg.engines.choose import require_torch
from freeseg.errors import FreeSegError, WeightsError
from freeseg.export.description import describe
from freeseg.export.graph import OpenVocabulary
from freeseg.export.half_storage import halve
from freeseg.export.made import made
from freeseg.export.tracing import fold_weights, trace
from freeseg.export.writing import calibration_photos, text_rows, write_float32, write_int8
from freeseg.files import is_file, remove_half_written, sha256, write_bytes, write_json
from freeseg.models.card import CARD
from freeseg.models.config import CONFIG, WEIGHTS
from freeseg.models.onnx_files import DESCRIPTION, IMAGE, IMAGE_INT8, WORDS, OnnxFile, OnnxFiles
from freeseg.models.towers import family_of
from freeseg.pipeline import FreeSeg
from freeseg.words import TEMPLATES, default_background, vocabulary

# Of a cosine, where weights were rounded to float16 that the checkpoint does not hold: those of a frozen tower.
ROUNDED_TOLERANCE = 1e-2


class ExportedLight(NamedTuple):
    """The light files of a model.

    Attributes:
        folder: The folder that they are in.
        files: Their names.
        difference: The largest difference of a cosine of `image.onnx` from that of PyTorch.
        tolerance: The largest difference that is accepted.
        agreement: The share of patches, in [0, 1], for which 8 bits chose the word that PyTorch chose; None without a
            file in 8 bits.
    """

    folder: Path
    files: tuple[str, ...]
    difference: float
    tolerance: float
    agreement: float | None = None


def write_light_files(
    model: FreeSeg,
    checkpoint: str | Path,
    out: str | Path | None = None,
    *,
    calibrate: str | Path | None = None,
    command: str = "",
) -> ExportedLight:
    """Write the files with which a model runs without PyTorch.

    Args:
        model: On the CPU, in float32.
        checkpoint: The model's folder, with its `config.json` and `model.safetensors`.
        out: Where to write, with copies of the checkpoint's files; made if need be. None for the checkpoint's folder.
        calibrate: A folder of photos like those that will be segmented. With it, `image.int8.onnx` is written too.
        command: How it was made, for the record.

    Raises:
        WeightsError: The checkpoint is not the model's.
        FreeSegError: The model cannot run without PyTorch, or a file does not run, or its output differs.
        PhotoError: There are no photos in `calibrate`, or one of them cannot be read.
        OutputError: The folder cannot be written.

    Example:
        >>> import freeseg, tempfile
        >>> from freeseg.models import embedded_folder
        >>> done = write_light_files(freeseg.load(engine="torch"), embedded_folder("freeseg-lite"), tempfile.mkdtemp())
        >>> done.files, done.difference < done.tolerance
        (('image.onnx', 'words.safetensors'), True)
    """
    folder = Path(checkpoint if out is None else out)
    _check(model, Path(checkpoint))
    photos = [] if calibrate is None else calibration_photos(model, Path(calibrate))
    remove_half_written(folder, recursive=False)
    for name in (DESCRIPTION, IMAGE_INT8):  # those of another training; a list is there again when all files are
        (folder / name).unlink(missing_ok=True)
    if out is not None:
        _copy(Path(checkpoint), folder)
    done, measured = _write_image(model, folder, photos)
    _write_background(model, folder)
    if calibrate is not None:
        measured["calibration photos"] = {Path(calibrate).name: len(photos)}
    precisions = {IMAGE: "float32", IMAGE_INT8: "int8", WORDS: ""}
    files = {name: OnnxFile(sha256(folder / name), precisions[name]) for name in done.files}
    described = OnnxFiles(
        folder,
        require_torch(model.engine).model.text_head.out_features,
        files,
        weights_sha256=model.weights_sha256,
        stride=model.engine.stride,
        made=made(command, measured),
    )
    write_json(folder / DESCRIPTION, described.to_json())
    return done


def _check(model: FreeSeg, checkpoint: Path) -> None:
    weights = checkpoint / WEIGHTS
    if not family_of(model.config.towers.image).runs_through_onnx:
        raise FreeSegError(f"{model.config.name} looks at photos in windows, which needs PyTorch; export another model")
    if not is_file(weights) or sha256(weights) != model.weights_sha256:
        raise WeightsError(
            f"{checkpoint} does not hold the weights of {model.config.name}; give the model's own folder"
        )


def _copy(checkpoint: Path, folder: Path) -> None:
    for name in (CONFIG, WEIGHTS, CARD):
        if is_file(checkpoint / name):
            write_bytes(folder / name, (checkpoint / name).read_bytes())


def _write_image(model: FreeSeg, folder: Path, photos: Sequence[Tensor]) -> tuple[ExportedLight, dict[str, Any]]:
    """Write the image side; gives what was written, and what was measured of it for the record."""
    graph = OpenVocabulary(require_torch(model.engine).model, model.config.decision)
    others, described = (text_rows(model, vocabulary("common")),), describe(model, None)
    proto = trace(graph, others, model.config.name, folded=False)
    stored = halve(proto, folder / WEIGHTS)
    tolerance = graph.tolerance if stored.exact else ROUNDED_TOLERANCE
    sizes = model.config.preprocessing.short_side, model.engine.stride
    difference = write_float32(stored.proto, described, folder / IMAGE, graph, others, *sizes, tolerance=tolerance)
    measured: dict[str, Any] = {"largest difference of a cosine": difference}
    done = ExportedLight(folder, (IMAGE, WORDS), difference, tolerance)
    if photos:
        inputs = [(photo, *others) for photo in photos]
        share = write_int8(fold_weights(proto), described, folder / IMAGE_INT8, graph, inputs)
        measured["patches as in PyTorch in 8 bits"] = share
        done = done._replace(files=(IMAGE, IMAGE_INT8, WORDS), agreement=share)
    return done, measured


def _write_background(model: FreeSeg, folder: Path) -> None:
    """Write the embeddings of the default background words in the default templates."""
    words = default_background()
    embedded = model.engine.embed_words(words, TEMPLATES)
    about = {"words": json.dumps(words, ensure_ascii=False), "templates": json.dumps(TEMPLATES, ensure_ascii=False)}
    write_bytes(folder / WORDS, save({"joint": embedded.joint, "tower": embedded.tower}, about))
