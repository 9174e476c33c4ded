"""`export`: a model as ONNX files that run without PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from torch import Tensor

from freeseg.errors import FreeSegError
from freeseg.export import metadata
from freeseg.export.graph import FixedVocabulary, Graph, OpenVocabulary
from freeseg.export.int8 import quantise
from freeseg.export.runtime import Session, agreement, difference
from freeseg.export.writing import reason, trace
from freeseg.files import atomic_path, write_json
from freeseg.images import find_photos
from freeseg.pipeline import FreeSeg, Labels
from freeseg.vocabularies import BACKGROUND, Vocabulary, vocabulary

CALIBRATION_PHOTOS = 32  # 8 and 100 gave the same accuracy
COMPARED_PHOTOS = 8
LEAST_AGREEMENT = 0.5
OPEN = "-open"  # ends the file's name where the vocabulary is open


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: The ONNX file; a JSON file of the same name has its metadata.
        difference: The largest difference of its output from PyTorch's: of logits, or of cosines.
        tolerance: What it may be.
        int8: The ONNX file in 8 bits, if one was asked for.
        agreement: Share of patches in [0, 1] for which 8 bits choose the word that PyTorch chooses.
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
    """Write a model as ONNX: with the labels built in, or for text embeddings that are given with each photo.

    What is written is run beside PyTorch first; a file that differs is not left behind.

    Args:
        model: On the CPU, in float32.
        folder: Where to write; made if it is not there.
        labels: As `FreeSeg.segment` takes them; None for an open vocabulary, see `write_words`.
        background: Whether a patch may be none of the labels.
        calibrate: A folder of photos, of the kind that will be segmented: write an 8-bit file as well.

    Raises:
        FreeSegError: Torch cannot trace the model, or the result does not run or differs.
        PhotoError: There are no photos to calibrate with, or one cannot be read.
        OutputError: The folder cannot be written.
    """
    photos = [] if calibrate is None else _spread(model, Path(calibrate))
    words = model.words(vocabulary("common") if labels is None else Vocabulary.of(labels))
    graph: Graph
    if labels is None:
        graph, others = OpenVocabulary(model.model, model.config.decision), (words.embeddings.clone(),)
        description, ending = metadata.describe(model, None), OPEN
    else:
        graph, others = FixedVocabulary(model.model, model.config.decision, words, background), ()
        names = ((BACKGROUND,) if background else ()) + words.names
        description, ending = metadata.describe(model, names), ""
    return _write(model, graph, others, photos, description, Path(folder), ending)
