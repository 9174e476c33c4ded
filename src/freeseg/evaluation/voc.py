"""PASCAL VOC 2012: VOC20 (no background), VOC21 (with background), and the contrast of the raw maps (mSC)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freeseg import itsm
from freeseg.data.segmentation import VocFolder
from freeseg.errors import DataError
from freeseg.evaluation.metrics import IGNORE, confusion, iou, map_contrast, mean_iou
from freeseg.masks import UNSURE
from freeseg.pipeline import FreeSeg, Maps, Prepared
from freeseg.vocabularies import Vocabulary, vocabulary

CLASSES = 20


@dataclass
class VocScores:
    """Counts over a whole set; the numbers come out at the end.

    Attributes:
        voc20: (20, 21) confusion matrix, background pixels left out, all labels competing.
        voc21: (21, 22) confusion matrix, background a class.
        contrasts: The terms of mSC.
        shown: (photos, 20) bool, labels in the VOC21 mask; `there`: labels in the truth.
    """

    voc20: NDArray[np.int64] = field(default_factory=lambda: np.zeros((CLASSES, CLASSES + 1), np.int64))
    voc21: NDArray[np.int64] = field(default_factory=lambda: np.zeros((CLASSES + 1, CLASSES + 2), np.int64))
    contrasts: list[float] = field(default_factory=list)
    shown: list[NDArray[np.bool_]] = field(default_factory=list)
    there: list[NDArray[np.bool_]] = field(default_factory=list)

    def numbers(self) -> dict[str, float]:
        """The headline numbers, in percent (mSC in [-100, 100])."""
        shown, there = np.array(self.shown), np.array(self.there)
        hits = (shown & there).sum()
        return {
            "VOC20 mIoU": round(100 * mean_iou(self.voc20), 1),
            "VOC21 mIoU": round(100 * mean_iou(self.voc21), 1),
            "mSC": round(float(np.mean(self.contrasts)), 1),
            "presence F1": round(float(200 * hits / max(1, shown.sum() + there.sum())), 1),
        }

    def per_class(self) -> dict[str, tuple[float, float]]:
        """IoU per class in percent, VOC20 and VOC21 (NaN where it does not occur)."""
        names = vocabulary("voc20").names
        both = zip(names, 100 * iou(self.voc20), 100 * iou(self.voc21)[1:], strict=True)
        return {name: (float(a), float(b)) for name, a, b in both}


def evaluate(
    model: FreeSeg,
    dataset: VocFolder,
    labels: Vocabulary | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> VocScores:
    """Measure a model on a folder in VOC's layout. One pass of the towers serves all numbers; memory stays flat.

    Raises:
        DataError: A mask does not fit its photo, or holds an index that VOC does not have.
    """
    scores, words = VocScores(), model.words(labels or vocabulary("voc20"))
    for done, item in enumerate(dataset, start=1):
        prepared = model.prepare(item.photo)
        truth = item.truth()
        if truth.shape != prepared.photo.size[::-1]:
            raise DataError(f"{item.mask} is {truth.shape[::-1]}, its photo {prepared.photo.size}; they must agree")
        if truth[truth != IGNORE].max(initial=0) > CLASSES:
            raise DataError(f"{item.mask} holds index {truth[truth != IGNORE].max()}; VOC has 0-20 and 255")
        maps = model.maps(prepared, words)
        foreground = np.where((truth == 0) | (truth == IGNORE), IGNORE, truth - 1)  # 0-19
        scores.voc20 += confusion(_mask(model, maps, prepared, False), foreground, CLASSES)
        mask = _mask(model, maps, prepared, True)
        scores.voc21 += confusion(mask, truth, CLASSES + 1)
        scores.shown.append(np.isin(np.arange(1, CLASSES + 1), mask))
        scores.there.append(np.isin(np.arange(1, CLASSES + 1), truth))
        display = itsm.upsample(itsm.minmax(maps.labels[None]), truth.shape)[0].cpu().numpy()
        scores.contrasts += map_contrast(display, np.where(truth == 0, CLASSES, foreground))
        progress(done, len(dataset))
    return scores


def _mask(model: FreeSeg, maps: Maps, prepared: Prepared, background: bool) -> NDArray[np.int64]:
    labels = model.decide(maps, prepared, background).labels.cpu().numpy()
    return np.where(labels == UNSURE, IGNORE, labels)


def tables(scores: VocScores) -> Iterator[str]:
    """The scores as Markdown lines."""
    numbers = scores.numbers()
    yield "| " + " | ".join(numbers) + " |"
    yield "|" + "---|" * len(numbers)
    yield "| " + " | ".join(str(value) for value in numbers.values()) + " |"
    yield ""
    yield "| class | VOC20 IoU | VOC21 IoU |"
    yield "|---|---|---|"
    for name, (first, second) in scores.per_class().items():
        yield f"| {name} | {first:.1f} | {second:.1f} |"
