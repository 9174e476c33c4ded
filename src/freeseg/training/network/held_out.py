"""What a network makes of photos that it is not trained on: pictures, and how far it agrees with their free masks.

Free masks are no truth: agreement says whether the training works, not how good the network is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.data.free_masks import Entry
from freeseg.evaluation.metrics.confusion import confusion_matrix, mean_iou
from freeseg.loading import on_torch
from freeseg.mask_values import IGNORE
from freeseg.models import Config
from freeseg.models.network import SegmentationNetwork
from freeseg.photos import resize
from freeseg.pipeline import FreeSeg
from freeseg.training.loop import Losses
from freeseg.training.network.batches import Samples
from freeseg.training.network.pictures import MaskPair, write_curves, write_samples

SHARE = 0.02  # of the photos
MAX_PHOTOS = 64
PICTURED = 8
PICTURED_SIDE = 240


def hold_out(photos: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split photos by index: those that are held out, and those that are trained on.

    Example:
        >>> held_out, trained_on = hold_out(200, seed=0)
        >>> len(held_out), len(trained_on)
        (4, 196)
    """
    count = min(MAX_PHOTOS, max(1, round(SHARE * photos)))
    order = np.random.default_rng((seed, 3)).permutation(photos)
    return order[:count], np.sort(order[count:])


class HeldOutPhotos:
    """Measures a network after each epoch, and writes curves and sample predictions.

    Args:
        config: The network's config.
        samples: All photos and free masks.
        photos: Which of them are held out.
        folder: Where the pictures go.
        steps: Steps of the whole training.
        steps_per_epoch: Steps of an epoch.
    """

    def __init__(
        self,
        config: Config,
        samples: Samples,
        photos: NDArray[np.int64],
        folder: Path,
        *,
        steps: int,
        steps_per_epoch: int,
    ):
        self.config, self.samples, self.photos, self.folder = config, samples, photos.tolist(), folder
        self.steps, self.steps_per_epoch = steps, steps_per_epoch

    def __call__(
        self, network: SegmentationNetwork, step: int, history: Sequence[Losses], earlier: Sequence[dict[str, float]]
    ) -> dict[str, float]:
        """Measure agreement and draw the pictures; gives {"step", "mIoU"}, the latter in percent."""
        model = on_torch(network, self.config)
        pairs = mask_pairs(model, self.samples, self.photos[:PICTURED], PICTURED_SIDE)
        write_samples(self.folder / f"epoch-{step // self.steps_per_epoch}.png", pairs, self.samples.masks.labels)
        point = {"step": float(step), "mIoU": agreement(model, self.samples, self.photos)}
        write_curves(self.folder / "curves.png", history, [*earlier, point], self.steps)
        return point


def agreement(network: FreeSeg, samples: Samples, photos: Sequence[int]) -> float:
    """Mean IoU, in percent, of a network's masks with the supervising pixels of free masks.

    The mean is over the labels that either shows. Each photo is asked for its own labels.
    """
    size = len(samples.masks.labels)
    total = np.zeros((size, size + 1), np.int64)
    for photo in photos:
        entry = samples.masks.entries[photo]
        free_mask = samples.masks.mask(entry).copy()
        _, supervised = samples.supervision(entry)
        free_mask[~supervised] = IGNORE
        _, predicted = _segment(network, samples, photo, entry)
        total += confusion_matrix(predicted, free_mask, size)
    return 100 * mean_iou(total)


def mask_pairs(network: FreeSeg, samples: Samples, photos: Sequence[int], side: int) -> list[MaskPair]:
    """Photos with their free mask and the network's, at a size to look at: the longer side has `side` pixels."""
    pairs = []
    for photo in photos:
        entry = samples.masks.entries[photo]
        picture, predicted = _segment(network, samples, photo, entry)
        scale = side / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        small = [
            np.array(Image.fromarray(mask.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
            for mask in (samples.masks.mask(entry), predicted)
        ]
        pairs.append(MaskPair(resize(picture, size), *small))
    return pairs


def _segment(
    network: FreeSeg, samples: Samples, photo: int, entry: Entry
) -> tuple[Image.Image, NDArray[np.uint8] | NDArray[np.uint16]]:
    result = network.segment_known(samples.photos[photo].picture(), samples.masks.vocabulary, entry.labels)
    return result.photo, result.mask
