"""Photos and captions with something to learn in them, to train the heads of a tiny ICLIP on."""

from __future__ import annotations

import numpy as np
import torch

from freeseg.training.teacher.data import PhotoRows, TeacherData
from freeseg.training.teacher.recipe import TeacherRecipe
from freeseg.training.teacher.words import TrainingWords

RECIPE = TeacherRecipe(epochs=3, batch_size=8, learning_rate=0.01, distill_patches=4)
TOWERS = {"image tower": "a" * 64 + " surgery False", "text tower": "b" * 64}


def data(photos: int = 40, held_out: int = 8, unlabelled: int = 6, seed: int = 0) -> TeacherData:
    """Photos whose features follow their captions, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    texts = rng.normal(size=(photos, 16)).astype(np.float32)
    mixed = texts @ np.random.default_rng(99).normal(size=(16, 12))
    clean = np.maximum(np.concatenate([mixed, -mixed], axis=1), 0)[:, None]
    features = clean + 0.1 * np.abs(rng.normal(size=(photos, 64, 24)))
    pairs = [PhotoRows(i, np.array([i]), (i % 3,)) for i in range(photos)]
    split = photos - held_out - unlabelled
    return TeacherData(
        features.astype(np.float16),
        texts,
        captioned=pairs[:split],
        held_out=pairs[split : split + held_out],
        unlabelled=list(range(split + held_out, photos)),
    )


def words() -> TrainingWords:
    generator = torch.Generator().manual_seed(5)
    rows = torch.nn.functional.normalize(torch.randn(10 + 3 + 3, 16, generator=generator), dim=1)
    return TrainingWords(rows[:10], rows[10:13], torch.arange(10) % 3, rows[13:])
