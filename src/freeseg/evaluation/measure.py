"""Measure a model on photos with masks, one photo after another, so that memory does not grow with the dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freeseg.data.segmentation import SegmentationData
from freeseg.decision.maps import minmax
from freeseg.errors import DataError
from freeseg.evaluation import journal as journals
from freeseg.evaluation.metrics.headlines import TALLIES
from freeseg.evaluation.metrics.metric import PredictedPhoto, Prediction
from freeseg.evaluation.protocols import Protocol
from freeseg.evaluation.reading import samples
from freeseg.evaluation.records import PhotoRecord, Run, names_sha256
from freeseg.evaluation.upsampled import Decided, decide_upsampled
from freeseg.evaluation.windows import merge, windows
from freeseg.mask_values import IGNORE, UNSURE
from freeseg.models.versions import versions
from freeseg.pipeline import FreeSeg
from freeseg.prepared import Prepared
from freeseg.words.embedded import EmbeddedVocabulary, SimilarityMaps


def measure_photos(
    model: FreeSeg,
    data: SegmentationData,
    protocol: Protocol,
    *,
    setting: str = "freeseg",
    journal: Path | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[PhotoRecord]:
    """Measure a model on a dataset, photo by photo.

    Args:
        model: The model.
        data: Photos with masks.
        protocol: How the model is measured.
        setting: One of `names.SETTINGS`.
        journal: A file to keep the records in: an evaluation that was stopped goes on after its last photo.
        workers: How many threads read photos and masks; 0 reads them in this one.
        progress: Called with how many photos are done, and of how many.

    Returns:
        A record per photo, in the dataset's order.

    Raises:
        DataError: A mask cannot be used. The evaluation stops, as a benchmark must not skip photos.
        PhotoError: A photo cannot be read.
        OutputError: `journal` belongs to another run, or cannot be written.
    """
    measured, words = apply_protocol(model, data, protocol, setting=setting)
    names, records = [item.name for item in data.items], []
    if journal:
        records = journals.resume(journal, describe_run(model, data, protocol, setting=setting), names)
    for sample in samples(data, len(records), measured.config.preprocessing, workers):
        prediction = predict(measured, words, sample.prepared, protocol, has_background=data.has_background)
        record = count_photo(names[len(records)], prediction, sample.truth, data)
        if journal:
            journals.append(journal, record)
        records.append(record)
        progress(len(records), len(names))
    return records


def describe_run(
    model: FreeSeg, data: SegmentationData, protocol: Protocol, *, setting: str = "freeseg", command: str = ""
) -> Run:
    """The run that the records of an evaluation belong to; the arguments are those of `measure_photos`."""
    return Run(
        dataset=data.name,
        classes=data.classes,
        has_background=data.has_background,
        photos=len(data.items),
        photos_sha256=names_sha256(item.name for item in data.items),
        setting=setting,
        protocol=protocol.described(),
        model=model.config.name,
        model_sha256=model_sha256(model),
        command=command,
        versions=versions() | {"engine": f"{model.engine.name} in {model.engine.precision}"},
    )


def evenly_spaced(data: SegmentationData, limit: int | None) -> SegmentationData:
    """The dataset with at most `limit` of its photos, evenly spread over it, as photos are often sorted by content."""
    items = data.items
    count = len(items) if limit is None else min(limit, len(items))
    return replace(data, items=tuple(items[place * len(items) // count] for place in range(count)))


def apply_protocol(
    model: FreeSeg, data: SegmentationData, protocol: Protocol, *, setting: str
) -> tuple[FreeSeg, EmbeddedVocabulary]:
    """The model with the preprocessing and the decision rule of a protocol, and the embedded labels of the dataset.

    Raises:
        DataError: The labels are not one for each class.
        FreeSegError: There is no such setting.
    """
    vocabulary = protocol.vocabulary(data, setting)
    expected = len(data.classes) - data.has_background
    if len(vocabulary.labels) != expected:
        raise DataError(f"{data.name} has {expected} classes but {len(vocabulary.labels)} labels; name each once")
    # Embedded by the model that was given, which remembers vocabularies: no protocol changes how they are embedded.
    return model.with_config(protocol.config(model.config, setting)), model.embed_vocabulary(vocabulary)


def predict(
    model: FreeSeg, words: EmbeddedVocabulary, prepared: Prepared, protocol: Protocol, *, has_background: bool
) -> Prediction:
    """What a model says of a photo that it has prepared; `model` and `words` are those of `apply_protocol`."""
    decided = _decide(model, words, prepared, protocol, has_background)
    confidence = decided.confidence.clip(0, 1)
    labels = np.where(decided.labels == UNSURE, IGNORE, decided.labels)
    if has_background:
        below = confidence < protocol.threshold
        labels, confidence = np.where(below, 0, labels), np.where(below, 1 - confidence, confidence)
    return Prediction(labels.astype(np.uint8), confidence, minmax(decided.maps))


def count_photo(name: str, prediction: Prediction, truth: NDArray[np.uint8], data: SegmentationData) -> PhotoRecord:
    """Everything that is counted on one photo."""
    photo = PredictedPhoto(prediction, truth, len(data.classes), data.has_background)
    counts = [tally.count(photo) for tally in TALLIES]
    return PhotoRecord(name, {key: value for part in counts for key, value in part.items()})


def model_sha256(model: FreeSeg) -> str:
    """Hash of everything that the numbers of a model depend on: weights, preprocessing, decision rule and engine."""
    config = model.config
    parts = (config.preprocessing, config.decision, model.weights_sha256, model.engine.identity)
    return sha256(repr(parts).encode()).hexdigest()


def _decide(
    model: FreeSeg, words: EmbeddedVocabulary, prepared: Prepared, protocol: Protocol, background: bool
) -> Decided:
    """What is decided of a photo, in the protocol's order of steps."""
    if protocol.upsample_first:
        window, stride = protocol.window, protocol.stride
        return decide_upsampled(model, words, prepared, window=window, stride=stride, background=background)
    maps = _window_maps(model, words, prepared, protocol)
    mask = model.decide(maps, words, prepared, background=background)
    return Decided(mask.labels, mask.confidence, maps.labels)


def _window_maps(model: FreeSeg, words: EmbeddedVocabulary, prepared: Prepared, protocol: Protocol) -> SimilarityMaps:
    """The similarity maps of a photo, merged from those of the protocol's windows."""
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
