"""A model as ONNX files that run without PyTorch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from freeseg.engines.choose import require_torch
from freeseg.export.description import describe, model_name
from freeseg.export.graph import FixedVocabulary, Graph, OpenVocabulary
from freeseg.export.tracing import trace
from freeseg.export.writing import calibration_photos, text_rows, write_float32, write_int8
from freeseg.files import remove_half_written, write_bytes, write_json
from freeseg.mask_values import BACKGROUND
from freeseg.pipeline import FreeSeg, Labels
from freeseg.words import Vocabulary, vocabulary


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
        >>> done = export(freeseg.load(engine="torch"), tempfile.mkdtemp(), "cat, dog|puppy, sofa|couch")
        >>> done.path.name, done.difference < done.tolerance
        ('freeseg-lite.onnx', True)
    """
    photos = [] if calibrate is None else calibration_photos(model, Path(calibrate))
    iclip, decision, stem = require_torch(model.engine).model, model.config.decision, _stem(model)
    graph: Graph
    others: tuple[Tensor, ...] = ()
    names = None
    if labels is None:
        graph, others = OpenVocabulary(iclip, decision), (text_rows(model, vocabulary("common")),)
        stem = f"{stem}-open"
    else:
        words = model.embed_vocabulary(labels)
        graph = FixedVocabulary(iclip, decision, words, background)
        names = ((BACKGROUND,) if background else ()) + words.names
    proto, described = trace(graph, others, model.config.name), describe(model, names)
    path = Path(folder) / f"{stem}.onnx"
    remove_half_written(path.parent, recursive=False)
    sizes = model.config.preprocessing.short_side, model.engine.stride
    exported = Exported(path, write_float32(proto, described, path, graph, others, *sizes), graph.tolerance)
    write_json(path.with_suffix(".json"), described)
    if not photos:
        return exported
    rounded, inputs = path.with_suffix(".int8.onnx"), [(photo, *others) for photo in photos]
    return exported._replace(int8=rounded, agreement=write_int8(proto, described, rounded, graph, inputs))


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
    np.save(encoded, text_rows(model, named).numpy())
    write_bytes(path, encoded.getbuffer())
    labels = [named.names[label] for label in named.label_of_alias]
    write_json(path.with_suffix(".json"), {"words": list(named.aliases), "labels": labels})
    return path


def _stem(model: FreeSeg) -> str:
    """The name of the model's files; of a model on the hub, without its owner."""
    return model_name(model.config.name).rpartition("/")[2]
