"""What a step of the teacher's training sees: cached features of photos, captions, nouns, single patches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freeseg.errors import DataError
from freeseg.training import processes
from freeseg.training.teacher.data import TeacherData
from freeseg.training.teacher.recipe import TeacherRecipe

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class TeacherBatch(NamedTuple):
    """What one step sees of its photos.

    Of several processes, each has features, patches and attention of its share of the photos, one block of the batch.

    Attributes:
        features: (B, P, C), of the recipe's precision.
        captions: `TeacherRecipe.captions` texts of each photo, (B * captions, T).
        mentioned: The nouns that their captions mention, (B, N) bool.
        patches: Patches to distill, (M, C); some are of photos without captions.
        attention: Attention of another tower, (B, P) in [0, 1]; None where the recipe does not ask for it.
    """

    features: Tensor
    captions: Tensor
    mentioned: Tensor
    patches: Tensor
    attention: Tensor | None

    def to(self, device: torch.device) -> TeacherBatch:
        """The same on a device."""
        return TeacherBatch(*(None if part is None else part.to(device) for part in self))  # type: ignore[arg-type]


def check_batch(photos: int, recipe: TeacherRecipe) -> None:
    """Check that photos fill a batch, and that the processes that share the training can share it evenly.

    Args:
        photos: How many photos with captions there are, or may be.
        recipe: With the size of a batch.

    Raises:
        DataError: They do not, or they cannot.

    Example:
        >>> check_batch(256, TeacherRecipe(batch_size=256))
    """
    if photos < recipe.batch_size:
        raise DataError(
            f"{photos} photos with captions are fewer than one batch of {recipe.batch_size}; add photos or lower "
            "--batch-size"
        )
    if recipe.batch_size % processes.count():
        raise DataError(
            f"a batch of {recipe.batch_size} cannot be shared by {processes.count()} processes; change --batch-size"
        )


class TeacherBatches:
    """The batches of a training. What is drawn depends on the seed and the step alone.

    Args:
        data: What is trained on.
        recipe: Batch size, seed, precision, and how much is drawn of each photo.
        nouns: How many nouns captions are searched for.

    Raises:
        DataError: Fewer photos with captions than one batch, or no attention where the recipe asks for it.
    """

    def __init__(self, data: TeacherData, recipe: TeacherRecipe, nouns: int):
        check_batch(len(data.captioned), recipe)
        if recipe.attention == "class" and data.attention is None:
            raise DataError("no attention of another tower was prepared; name one with --attention")
        self.data, self.recipe, self.nouns = data, recipe, nouns
        self.unlabelled = np.array(data.unlabelled, dtype=np.int64)
        self.steps_per_epoch = len(data.captioned) // recipe.batch_size

    def from_step(self, first: int) -> Iterator[TeacherBatch]:
        """The batches of the steps from `first` to the last."""
        for step in range(first, self.recipe.epochs * self.steps_per_epoch):
            epoch, position = divmod(step, self.steps_per_epoch)
            yield self.draw(self.order(epoch)[position], step)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The photos of each step of an epoch, (steps, batch), as indices into `data.captioned`."""
        order = np.random.default_rng((self.recipe.seed, epoch)).permutation(len(self.data.captioned))
        used = self.steps_per_epoch * self.recipe.batch_size
        return order[:used].reshape(self.steps_per_epoch, self.recipe.batch_size)

    @property
    def patches_per_process(self) -> float:
        """How many patches of a batch each process distills, on average."""
        extra = self.recipe.batch_size // 4 if len(self.unlabelled) else 0
        return (self.recipe.batch_size + extra) * self.recipe.distill_patches / processes.count()

    def draw(self, chosen: NDArray[np.int64], step: int) -> TeacherBatch:
        """What a step sees of the chosen photos. Every process draws for all of them, and reads its share."""
        rng = np.random.default_rng((self.recipe.seed, 1, step))
        photos = [self.data.captioned[i] for i in chosen]
        rows = np.array([photo.row for photo in photos])
        count = self.recipe.captions
        picked = [rng.choice(photo.captions, count, replace=count > len(photo.captions)) for photo in photos]
        texts = torch.from_numpy(self.data.texts[np.concatenate(picked)])
        mentioned = torch.zeros(len(photos), self.nouns, dtype=torch.bool)
        for i, photo in enumerate(photos):
            mentioned[i, list(photo.nouns)] = True
        extra = rng.choice(self.unlabelled, len(chosen) // 4) if len(self.unlabelled) else self.unlabelled
        places = rng.integers(self.data.features.shape[1], size=(len(rows) + len(extra), self.recipe.distill_patches))
        own, own_extra = (processes.share(len(part)) for part in (rows, extra))
        features = self._features(rows[own])
        every = torch.cat([features, self._features(extra[own_extra])])
        picks = torch.from_numpy(np.concatenate([places[: len(rows)][own], places[len(rows) :][own_extra]]))
        patches = every[torch.arange(len(every))[:, None], picks].flatten(0, 1)
        return TeacherBatch(features, texts, mentioned, patches, self._attention(rows[own]))

    def _features(self, rows: NDArray[np.int64]) -> Tensor:
        features = torch.from_numpy(np.ascontiguousarray(self.data.features[rows]))
        return features.to(DTYPES[self.recipe.precision])

    def _attention(self, rows: NDArray[np.int64]) -> Tensor | None:
        if self.recipe.attention != "class" or self.data.attention is None:
            return None
        return torch.from_numpy(self.data.attention[rows]).float()
