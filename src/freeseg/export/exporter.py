"""A model as ONNX files that run without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from torch import Tensor

from freeseg.engines.choose import require_torch
from freeseg.engines.onnx_engine import Session
from freeseg.errors import FreeSegError
from freeseg.export import metadata
from freeseg.export.graph import FixedVocabulary, Graph, OpenVocabulary
from freeseg.export.int8 import quantise
from freeseg.export.runtime import agreement, difference
from freeseg.export.writing import trace
from freeseg.files import atomic_path, write_json
from freeseg.mask_values import BACKGROUND
from freeseg.photos import find_photos
from freeseg.pipeline import FreeSeg, Labels
from freeseg.words import Vocabulary, vocabulary

CALIBRATION_PHOTOS = 32
COMPARED_PHOTOS = 8
LEAST_AGREEMENT = 0.5


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: The ONNX file; a JSON file of the same name says what it is.
        difference: How far its output, logits or cosines, was from PyTorch's at most.
        tolerance: How far it might have been.
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
    background: bool = True,
    calibrate: str | Path | None = None,
) -> Exported:
    """Write a model as ONNX: with labels built in, or open to any words (see `write_words`).

    What is written is compared with PyTorch first; a file that differs is not left behind.

    Args:
        model: On the CPU, in float32.
        folder: Where to write `NAME.onnx`, or `NAME-open.onnx`, and the same with `.json`; made if it is not there.
        labels: As `FreeSeg.segment` takes them; None for any words.
        background: Whether a pixel may be none of the labels.
        calibrate: A folder of photos like those that will be segmented; with it, `NAME.int8.onnx` is written too.

    Raises:
        FreeSegError: Torch cannot trace the model, or what is written does not run or differs.
        PhotoError: There are no photos in `calibrate`, or one of them cannot be read.
        LabelError: The labels cannot be used.
        OutputError: The folder cannot be written.

    Example:
        >>> import freeseg, tempfile
        >>> done = export(freeseg.load(), tempfile.mkdtemp(), "cat, sofa|couch")
        >>> done.path.name, done.difference < done.tolerance
        ('freeseg-lite.onnx', True)
    """
    photos = [] if calibrate is None else _photos(model, Path(calibrate))
    stem, decision, names = _stem(model), model.config.decision, None
    iclip = require_torch(model.engine).model
    graph: Graph
    others: tuple[Tensor, ...] = ()
    if labels is None:
        graph, others, stem = (
            OpenVocabulary(iclip, decision),
            (_text(model, vocabulary("common")),),
            f"{stem}-open",
        )
    else:
        words = model.embed_vocabulary(labels)
        graph = FixedVocabulary(iclip, decision, words, background)
        names = ((BACKGROUND,) if background else ()) + words.names
    proto = trace(graph, others, model.config.name)
    description = metadata.describe(model, names)
    path = Path(folder) / f"{stem}.onnx"
    apart = _write(proto, description, path, graph, others, model)
    write_json(path.with_suffix(".json"), description)
    exported = Exported(path, apart, graph.tolerance)
    if not photos:
        return exported
    rounded, inputs = path.with_suffix(".int8.onnx"), [(photo, *others) for photo in photos]
    return exported._replace(int8=rounded, agreement=_write_int8(proto, description, rounded, graph, inputs))


def write_words(model: FreeSeg, folder: str | Path, words: Labels) -> Path:
    """Write the text embeddings of words, for an open vocabulary where there is no PyTorch to embed them.

    Args:
        model: The model.
        folder: Where to write `NAME.words.npy` and `NAME.words.json`; made if it is not there.
        words: As `FreeSeg.segment` takes labels; an alias is a word.

    Returns:
        The `.npy`, (N, D) float32, unit vectors; the `.json` has, by row, the words and the labels they stand for.

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
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, _text(model, named).numpy())
    labels = [named.names[owner] for owner in named.label_of_alias]
    write_json(path.with_suffix(".json"), {"words": list(named.aliases), "labels": labels})
    return path


def _write(
    proto: onnx.ModelProto,
    description: metadata.Description,
    path: Path,
    graph: Graph,
    others: tuple[Tensor, ...],
    model: FreeSeg,
) -> float:
    """Write a file unless it differs from the graph; gives how far it is from it."""
    metadata.attach(proto, description)
    with atomic_path(path) as temporary:
        onnx.save(proto, temporary)
        short_side = model.config.preprocessing.short_side
        apart = difference(graph, Session(temporary), others, short_side, model.engine.stride)
        if not apart <= graph.tolerance:
            raise FreeSegError(
                f"the {graph.output} of {path.name} differ from PyTorch's by {apart:.1e}, more than "
                f"{graph.tolerance:.0e}; it was not left behind: use the model in PyTorch"
            )
    return apart


def _write_int8(
    proto: onnx.ModelProto,
    description: metadata.Description,
    path: Path,
    graph: Graph,
    inputs: list[tuple[Tensor, ...]],
) -> float:
    """Write a file in 8 bits unless it decides mostly otherwise than the graph; gives how often it does not."""
    rounded = quantise(proto, inputs)
    metadata.attach(rounded, description)
    with atomic_path(path) as temporary:
        onnx.save(rounded, temporary)
        share = agreement(graph, Session(temporary), inputs[:COMPARED_PHOTOS])
        if share < LEAST_AGREEMENT:
            raise FreeSegError(
                f"{path.name} chooses as PyTorch does for {share:.0%} of the patches only, less than "
                f"{LEAST_AGREEMENT:.0%}; it was not left behind: use the file without int8"
            )
    return share


def _photos(model: FreeSeg, folder: Path) -> list[Tensor]:
    """Pixels (1, 3, H, W) float32 of some photos of a folder, evenly spread, as the model sees them."""
    found = find_photos([folder])
    chosen = found[:: -(-len(found) // CALIBRATION_PHOTOS)]
    pixels = (model.prepare(photo.path).pixels for photo in chosen)
    return [torch.from_numpy(each).permute(2, 0, 1)[None].float() for each in pixels]


def _text(model: FreeSeg, words: Vocabulary) -> Tensor:
    """Text embeddings of all aliases (A, D), float32."""
    return torch.from_numpy(model.embed_vocabulary(words.with_background_words(())).embeddings)


def _stem(model: FreeSeg) -> str:
    return metadata.model_name(model.config.name).rpartition("/")[2]
