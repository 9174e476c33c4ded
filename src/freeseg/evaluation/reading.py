"""Photos and masks of a dataset, read by other processes while the model works."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from freeseg.data.segmentation import AnnotatedPhoto, SegmentationData, check_size
from freeseg.errors import FreeSegError
from freeseg.models import Preprocessing
from freeseg.pipeline import Prepared, prepare
from freeseg.prefetch import end_with_parent


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
        workers: Processes that read; 0 reads in this one, when asked.

    Raises:
        PhotoError: A photo cannot be read.
        DataError: A mask cannot be read, or is not of its photo's size.
    """
    reader = _Reader(data, data.items[start:], preprocessing)
    loader = DataLoader(
        reader, batch_size=None, num_workers=workers, collate_fn=_as_it_is, worker_init_fn=end_with_parent
    )
    for sample in loader:
        if isinstance(sample, FreeSegError):
            raise sample
        yield sample


@dataclass(frozen=True)
class _Reader(Dataset[Sample | FreeSegError]):
    """Reads photos with their masks. A plain value, so that it can be sent to another process."""

    data: SegmentationData
    items: Sequence[AnnotatedPhoto]
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample | FreeSegError:
        """A photo, or what is wrong with it: an exception would come out of a worker as a page of traceback."""
        item = self.items[index]
        try:
            sample = Sample(prepare(item.photo, self.preprocessing), self.data.truth(item))
            check_size(item, sample.truth, sample.prepared.photo.size)
        except FreeSegError as error:
            return error
        return sample


def _as_it_is(sample: Any) -> Any:
    return sample
