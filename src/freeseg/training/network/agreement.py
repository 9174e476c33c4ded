"""How far a network agrees with the free masks of photos that it is not trained on.

Free masks are no truth: this says whether the training works, not how good the network is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.data.free_masks import Entry
from freeseg.evaluation.metrics.confusion import confusion_matrix, mean_iou
from freeseg.mask_values import IGNORE
from freeseg.photos import resize
from freeseg.pipeline import FreeSeg
from freeseg.training.network.pictures import Compared
from freeseg.training.network.samples import Samples


def agreement(network: FreeSeg, samples: Samples, photos: Sequence[int]) -> float:
    """Mean IoU, in percent, of a network's masks with the supervising pixels of free masks, over the labels that
    either shows. Each photo is asked for its own labels."""
    size = len(samples.masks.labels)
    total = np.zeros((size, size + 1), np.int64)
    for photo in photos:
        free, predicted = _masks(network, samples, photo)
        total += confusion_matrix(predicted, free, size)
    return 100 * mean_iou(total)


def compared(network: FreeSeg, samples: Samples, photos: Sequence[int], side: int) -> list[Compared]:
    """Photos with both masks, at a size to look at: the longer side of `side` pixels."""
    rows = []
    for photo in photos:
        entry = samples.masks.entries[photo]
        picture, predicted = _segmented(network, samples, photo, entry)
        scale = side / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        small = [
            np.array(Image.fromarray(mask.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
            for mask in (samples.masks.mask(entry), predicted)
        ]
        rows.append(Compared(resize(picture, size), *small))
    return rows


def _masks(network: FreeSeg, samples: Samples, photo: int) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    entry = samples.masks.entries[photo]
    free = samples.masks.mask(entry).copy()
    _, supervised = samples.supervision(entry)
    free[~supervised] = IGNORE
    return free, _segmented(network, samples, photo, entry)[1]


def _segmented(
    network: FreeSeg, samples: Samples, photo: int, entry: Entry
) -> tuple[Image.Image, NDArray[np.uint8] | NDArray[np.uint16]]:
    result = network.segment_known(samples.photos[photo], samples.masks.vocabulary, entry.labels)
    return result.photo, result.mask
