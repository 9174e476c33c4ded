"""A model as ONNX files that run without PyTorch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from torch import Tensor

from freeseg.engines.choose import require_torch
from freeseg.engines.onnx_session import Session
from freeseg.errors import FreeSegError
from freeseg.export.comparison import agreement, largest_difference
from freeseg.export.description import Description, attach, describe, model_name
from freeseg.export.graph import FixedVocabulary, Graph, OpenVocabulary
from freeseg.export.int8 import quantise
from freeseg.export.tracing import trace
from freeseg.files import atomic_path, write_bytes, write_json
from freeseg.mask_values import BACKGROUND
from freeseg.photos import find_photos
from freeseg.pipeline import FreeSeg, Labels
from freeseg.words import Vocabulary, vocabulary

CALIBRATION_PHOTOS = 32  # photos that show over which range activations vary
COMPARED_PHOTOS = 8  # photos on which a file in 8 bits is compared with PyTorch
MIN_AGREEMENT = 0.5  # share of patches for which it must choose the same word


class Exported(NamedTuple):
    """The files that were written.

    Attributes:
        path: The ONNX file; a JSON file of the same name describes it.
        difference: The largest difference of its output (logits or cosines) from that of PyTorch.
        tolerance: The largest difference that is accepted.
        int8: The ONNX file in 8 bits, if one was asked for.
        agreement: The share of patches, in [0, 1], for which 8 bits chose the word that PyTorch chose.
    """

    path: Path
    difference: float
    tolerance: float
    int8: Path | None = None
    agreement: float | None = None


def export(
    model: FreeSeg,
    folder: str | Path,
    labels: Labels | None = None,
    *,
    background: bool = True,
    calibrate: str | Path | None = None,
) -> Exported:
    """Write a model as ONNX, for given labels or for any words (see `write_words`).

    The file is compared with PyTorch before it gets its name; a file that differs is removed.

    Args:
        model: On the CPU, in float32.
        folder: Where to write `NAME.onnx` (or `NAME-open.onnx` for any words) and a JSON file of the same name that
            describes it; made if need be.
        labels: As `FreeSeg.segment` takes them; None for any words.
        background: Whether a pixel may be none of the labels.
        calibrate: A folder of photos like those that will be segmented. With it, `NAME.int8.onnx` is written too.

    Raises:
        FreeSegError: PyTorch cannot trace the model, or the file does not run, or its output differs.
        PhotoError: There are no photos in `calibrate`, or one of them cannot be read.
        LabelError: The labels cannot be used.
        OutputError: The folder cannot be written.

    Example:
        >>> import freeseg, tempfile
        >>> done = export(freeseg.load(engine="torch"), tempfile.mkdtemp(), "cat, sofa|couch")
        >>> done.path.name, done.difference < done.tolerance
        ('freeseg-lite.onnx', True)
    """
    photos = [] if calibrate is None else _calibration_photos(model, Path(calibrate))
    iclip, decision, stem = require_torch(model.engine).model, model.config.decision, _stem(model)
    graph: Graph
    others: tuple[Tensor, ...] = ()
    names = None
    if labels is None:
        graph, others = OpenVocabulary(iclip, decision), (_texts(model, vocabulary("common")),)
        stem = f"{stem}-open"
    else:
        words = model.embed_vocabulary(labels)
        graph = FixedVocabulary(iclip, decision, words, background)
        names = ((BACKGROUND,) if background else ()) + words.names
    proto, described = trace(graph, others, model.config.name), describe(model, names)
    path = Path(folder) / f"{stem}.onnx"
    sizes = model.config.preprocessing.short_side, model.engine.stride
    exported = Exported(path, _write(proto, described, path, graph, others, *sizes), graph.tolerance)
    write_json(path.with_suffix(".json"), described)
    if not photos:
        return exported
    rounded, inputs = path.with_suffix(".int8.onnx"), [(photo, *others) for photo in photos]
    return exported._replace(int8=rounded, agreement=_write_int8(proto, described, rounded, graph, inputs))


def write_words(model: FreeSeg, folder: str | Path, words: Labels) -> Path:
    """Write the text embeddings of words, to use with a file for any words where PyTorch is not installed.

    Args:
        model: The model.
        folder: Where to write `NAME.words.npy` and `NAME.words.json`; made if need be.
        words: As `FreeSeg.segment` takes labels; each alias is a word.

    Returns:
        The path of the `.npy`, which holds unit vectors (N, D), float32. The `.json` holds, for each row, the word and
        the label that it stands for.

    Raises:
        OutputError: The folder cannot be written.

    Example:
        >>> import freeseg, tempfile
        >>> path = write_words(freeseg.load(), tempfile.mkdtemp(), "cat, sofa|couch")
        >>> path.name, np.load(path).shape
        ('freeseg-lite.words.npy', (3, 384))
    """
    named = Vocabulary.of(words)
    path = Path(folder) / f"{_stem(model)}.words.npy"
    encoded = io.BytesIO()  # NumPy writes to a file past Python's file object, and would overlook a full disk
    np.save(encoded, _texts(model, named).numpy())
    write_bytes(path, encoded.getbuffer())
    labels = [named.names[label] for label in named.label_of_alias]
    write_json(path.with_suffix(".json"), {"words": list(named.aliases), "labels": labels})
    return path


def _write(
    proto: onnx.ModelProto,
    described: Description,
    path: Path,
    graph: Graph,
    others: tuple[Tensor, ...],
    short_side: int,
    stride: int,
) -> float:
    """Write a file, or raise an error if its output differs from the graph's; gives the largest difference."""
    attach(proto, described)
    with atomic_path(path) as temporary:
        onnx.save(proto, temporary)
        difference = largest_difference(graph, Session(temporary), others, short_side=short_side, stride=stride)
        if not difference <= graph.tolerance:
            raise FreeSegError(
                f"the {graph.output} of {path.name} differ from PyTorch's by {difference:.1e}, more than "
                f"{graph.tolerance:.0e}; it was not left behind: use the model in PyTorch"
            )
    return difference


def _write_int8(
    proto: onnx.ModelProto,
    described: Description,
    path: Path,
    graph: Graph,
    inputs: list[tuple[Tensor, ...]],
) -> float:
    """Write a file in 8 bits, or raise an error if it mostly chooses other words; gives the share of equal choices."""
    rounded = quantise(proto, inputs)
    attach(rounded, described)
    with atomic_path(path) as temporary:
        onnx.save(rounded, temporary)
        share = agreement(graph, Session(temporary), inputs[:COMPARED_PHOTOS])
        if share < MIN_AGREEMENT:
            raise FreeSegError(
                f"{path.name} chooses as PyTorch does for {share:.0%} of the patches only, less than "
                f"{MIN_AGREEMENT:.0%}; it was not left behind: use the file without int8"
            )
    return share


def _calibration_photos(model: FreeSeg, folder: Path) -> list[Tensor]:
    """Pixels (1, 3, H, W) float32 of some photos of a folder, evenly spaced, as the model sees them."""
    found = find_photos([folder])
    chosen = found[:: -(-len(found) // CALIBRATION_PHOTOS)]
    pixels = (model.prepare(photo.path).pixels for photo in chosen)
    return [torch.from_numpy(each).permute(2, 0, 1)[None].float() for each in pixels]


def _texts(model: FreeSeg, words: Vocabulary) -> Tensor:
    """Text embeddings of all aliases (A, D), float32."""
    return torch.from_numpy(model.embed_vocabulary(words.with_background_words(())).embeddings)


def _stem(model: FreeSeg) -> str:
    """The name of the model's files; of a model on the hub, without its owner."""
    return model_name(model.config.name).rpartition("/")[2]
