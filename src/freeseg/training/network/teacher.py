"""What a network learns from its teacher: words in the joint space, and patch embeddings of whole photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freeseg.data.free_masks import FreeMasks
from freeseg.engines.choose import require_torch
from freeseg.errors import DataError
from freeseg.models.iclip import ICLIP
from freeseg.photos.references import PhotoReference
from freeseg.pipeline import FreeSeg
from freeseg.training import features, processes
from freeseg.training.network.labelled_photos import as_sources
from freeseg.training.network.words import VocabularyTensors


class Teacher(NamedTuple):
    """What a network learns from, besides free masks.

    Attributes:
        model: The ICLIP whose joint space the network shares.
        features: Its image tower's features of every photo, (rows, GRID * GRID, C), in the order of `Sample.row`.
        words: The vocabulary of the free masks in the joint space.
        scale: The logit scale of its decision.
        margin: The background margin of its decision.
    """

    model: ICLIP
    features: NDArray[np.generic]
    words: VocabularyTensors
    scale: float
    margin: float

    @torch.no_grad()
    def patches(self, rows: NDArray[np.int64]) -> Tensor:
        """Its patch embeddings of some photos, (len(rows), GRID * GRID, D)."""
        features = torch.from_numpy(np.ascontiguousarray(self.features[rows]))
        return self.model.image_head(features.to(self.words.texts.device).float())  # type: ignore[no-any-return]


def read_teacher(
    teacher: FreeSeg,
    masks: FreeMasks,
    photos: Sequence[PhotoReference],
    cache: Path,
    identity: str,
    *,
    progress: features.Progress = lambda done, total: None,
) -> tuple[Teacher, NDArray[np.int64]]:
    """The teacher with its features of all photos, which are computed where the cache does not have them.

    Args:
        teacher: The model.
        masks: The free masks.
        photos: The photo of each of their entries.
        cache: Folder for the features.
        identity: What the teacher's image features depend on.
        progress: Called with how many photos are done, of how many.

    Returns:
        The teacher, and the row of each photo in its features.

    Raises:
        DataError: A photo has changed since it was labelled, or cannot be decoded on this machine.
    """
    engine = require_torch(teacher.engine)
    words = VocabularyTensors.of(teacher.embed_vocabulary(masks.vocabulary), engine.device)
    store = features.open_features(cache, engine.model, identity)
    read = processes.from_first_helped(
        lambda spread: features.extract_photos(
            as_sources(masks, photos), store, spread, at_once=processes.count(), progress=progress
        ),
        features.PhotoExtractor(engine.model, engine.device),
    )
    features.reread(read, store)
    if read.skipped:
        raise DataError(read.skipped[0])
    rows = store.positions([entry.sha256 for entry in masks.entries])
    decision = teacher.config.decision
    return Teacher(engine.model, store.rows(), words, decision.logit_scale, decision.background_margin), rows
