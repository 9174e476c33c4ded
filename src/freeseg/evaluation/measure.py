"""Measuring a model on photos with masks, a photo at a time: memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.data.segmentation import SegmentationData
from freeseg.decision.maps import minmax, upsample
from freeseg.errors import DataError
from freeseg.evaluation import journal
from freeseg.evaluation.metrics.boundary import boundary_counts
from freeseg.evaluation.metrics.calibration import bin_confidence
from freeseg.evaluation.metrics.confusion import confusion_matrix, nonzero_cells
from freeseg.evaluation.metrics.contrast import map_contrast
from freeseg.evaluation.protocols import Protocol
from freeseg.evaluation.reading import samples
from freeseg.evaluation.records import PhotoRecord, Run, names_sha256
from freeseg.evaluation.windows import merge, windows
from freeseg.mask_values import IGNORE, UNSURE
from freeseg.models.checkpoint import versions
from freeseg.pipeline import FreeSeg, Prepared
from freeseg.words.embedded import EmbeddedVocabulary, SimilarityMaps


class Prediction(NamedTuple):
    """What a model says of a photo.

    Attributes:
        mask: (H, W) uint8, indices into the dataset's classes, 255 = don't know.
        confidence: (H, W) float32 in [0, 1], the probability of what the mask says.
        maps: (N, h, w) float32 in [0, 1], the labels' min-max similarity maps on the patch grid, for display.
    """

    mask: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    maps: NDArray[np.float32]


def evaluate(
    model: FreeSeg,
    data: SegmentationData,
    protocol: Protocol,
    setting: str = "freeseg",
    partial: Path | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[PhotoRecord]:
    """Measure a model on a dataset, photo by photo.

    Args:
        model: The model.
        data: Photos with masks.
        protocol: How it is measured.
        setting: One of `records.SETTINGS`.
        partial: A journal: an evaluation that was stopped goes on after its last photo.
        workers: Processes that read photos and masks; 0 reads them in this one.
        progress: Is told how many photos are done, of how many.

    Returns:
        A record per photo, in the dataset's order.

    Raises:
        DataError: A mask cannot be used; the run stops, as a benchmark must not skip.
        PhotoError: A photo cannot be read.
        OutputError: `partial` belongs to another run, or cannot be written.
    """
    measured, words = set_up(model, data, protocol, setting)
    names, records = [item.name for item in data.items], []
    if partial:
        records = journal.resume(partial, describe(model, data, protocol, setting), names)
    for sample in samples(data, len(records), measured.config.preprocessing, workers):
        prediction = predict(measured, words, sample.prepared, protocol, data.has_background)
        record = measure(names[len(records)], prediction, sample.truth, data)
        if partial:
            journal.append(partial, record)
        records.append(record)
        progress(len(records), len(names))
    return records


def describe(
    model: FreeSeg, data: SegmentationData, protocol: Protocol, setting: str = "freeseg", command: str = ""
) -> Run:
    """What the records of an evaluation belong to."""
    return Run(
        dataset=data.name,
        classes=data.classes,
        has_background=data.has_background,
        photos=len(data.items),
        photos_sha256=names_sha256(item.name for item in data.items),
        setting=setting,
        protocol=asdict(protocol),
        model=model.config.name,
        model_sha256=model_sha256(model),
        command=command,
        versions=versions(),
    )


def evenly_spaced(data: SegmentationData, limit: int | None) -> SegmentationData:
    """The dataset with at most `limit` of its photos, evenly spread over it: files are sorted by what is in them."""
    items = data.items
    count = len(items) if limit is None else min(limit, len(items))
    return replace(data, items=tuple(items[place * len(items) // count] for place in range(count)))


def set_up(
    model: FreeSeg, data: SegmentationData, protocol: Protocol, setting: str
) -> tuple[FreeSeg, EmbeddedVocabulary]:
    """The model with the protocol's preprocessing and decision rule, and the embedded labels of the dataset.

    Raises:
        DataError: The labels are not one for each class.
    """
    vocabulary = protocol.vocabulary(data, setting)
    expected = len(data.classes) - data.has_background
    if len(vocabulary.labels) != expected:
        raise DataError(f"{data.name} has {expected} classes but {len(vocabulary.labels)} labels; name each once")
    # The model's own `embed_vocabulary`, as it remembers them: no protocol changes how a vocabulary is embedded.
    return model.with_config(protocol.config(model.config, setting)), model.embed_vocabulary(vocabulary)


def predict(
    model: FreeSeg, words: EmbeddedVocabulary, prepared: Prepared, protocol: Protocol, has_background: bool
) -> Prediction:
    """What a model that `set_up` gave says of a photo that its `prepare` gave."""
    maps = _window_maps(model, words, prepared, protocol)
    decided = model.decide(maps, words, prepared, background=has_background)
    confidence = decided.confidence.clip(0, 1)
    labels = np.where(decided.labels == UNSURE, IGNORE, decided.labels)
    if has_background:
        below = confidence < protocol.threshold
        labels, confidence = np.where(below, 0, labels), np.where(below, 1 - confidence, confidence)
    return Prediction(labels.astype(np.uint8), confidence, minmax(maps.labels))


def measure(name: str, prediction: Prediction, truth: NDArray[np.uint8], data: SegmentationData) -> PhotoRecord:
    """Everything measured on one photo."""
    classes, first = len(data.classes), int(data.has_background)
    mask, there = prediction.mask, _labels(truth, first)
    sure = (truth != IGNORE) & (mask != IGNORE)
    return PhotoRecord(
        name,
        {
            "confusion": nonzero_cells(confusion_matrix(mask, truth, classes)),
            "boundary": boundary_counts(mask, truth, classes),
            "contrasts": _contrasts(prediction.maps, truth, there, first),
            "shown": _labels(mask, first),
            "there": there,
            "calibration": bin_confidence(prediction.confidence[sure], (mask == truth)[sure]),
        },
    )


def model_sha256(model: FreeSeg) -> str:
    """Hash of everything that a model's numbers depend on: weights, preprocessing and decision rule."""
    config = model.config
    parts = (config.preprocessing, config.decision, model.weights_sha256, model.engine.identity)
    return sha256(repr(parts).encode()).hexdigest()


def _window_maps(model: FreeSeg, words: EmbeddedVocabulary, prepared: Prepared, protocol: Protocol) -> SimilarityMaps:
    """The similarity maps of a photo, seen through the protocol's windows."""
    size, side = prepared.pixels.shape[:2], protocol.window
    corners = windows(size, side, protocol.stride)
    if len(corners) == 1:
        return model.maps(prepared, words)
    parts = [
        model.maps(prepared._replace(pixels=prepared.pixels[top : top + side, left : left + side]), words)
        for top, left in corners
    ]
    grid = ceil(size[0] / model.engine.stride), ceil(size[1] / model.engine.stride)
    return SimilarityMaps(*(merge(kind, corners, side, size, grid) for kind in zip(*parts, strict=True)))


def _labels(mask: NDArray[np.uint8], first: int) -> list[int]:
    """The classes in a mask, without the background."""
    return [label for label in np.unique(mask).tolist() if first <= label < IGNORE]


def _contrasts(
    maps: NDArray[np.float32], truth: NDArray[np.uint8], there: Sequence[int], first: int
) -> dict[int, float]:
    """The terms of mSC by class. One map at a time at the photo's size: a dataset may have hundreds."""
    terms = {}
    for label in there:
        display = upsample(maps[label - first][None], (truth.shape[0], truth.shape[1]))
        others = np.where(truth == IGNORE, IGNORE, truth != label)
        if found := map_contrast(display, others):
            terms[label] = found[0]
    return terms
