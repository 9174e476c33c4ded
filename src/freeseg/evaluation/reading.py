"""Photos and masks of a dataset, read by other threads while the model works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.data.segmentation import AnnotatedPhoto, SegmentationData, check_size
from freeseg.models import Preprocessing
from freeseg.prefetch import prefetch
from freeseg.prepared import Prepared, prepare_photo


class Sample(NamedTuple):
    """A photo as the model sees it, and its truth (H, W) uint8."""

    prepared: Prepared
    truth: NDArray[np.uint8]


def samples(data: SegmentationData, start: int, preprocessing: Preprocessing, workers: int) -> Iterator[Sample]:
    """The photos of a dataset from number `start` on, in order; a few are read ahead, never more.

    Args:
        data: The dataset.
        start: How many photos to leave out.
        preprocessing: Of the model.
        workers: Threads that read, while this one lets the model work; 0 reads in this one, when asked.

    Raises:
        PhotoError: A photo cannot be read.
        DataError: A mask cannot be read, or is not of its photo's size.
    """
    read, items = partial(_read, data, preprocessing), data.items[start:]
    if workers == 0:
        yield from map(read, items)
        return
    with closing(prefetch(read, items, count=workers)) as begun:
        for sample in begun:
            yield sample.result()


def _read(data: SegmentationData, preprocessing: Preprocessing, item: AnnotatedPhoto) -> Sample:
    sample = Sample(prepare_photo(item.photo, preprocessing), data.truth(item))
    check_size(item, sample.truth, sample.prepared.photo.size)
    return sample
