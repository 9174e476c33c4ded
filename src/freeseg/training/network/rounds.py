"""From free masks to a network: a first training, and self-training rounds in which the network relabels its photos.

Which labels a photo shows is not decided anew, and only pixels to which the network and the first masks give the same
label supervise: without that, the network's own mistakes grow with every round.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from freeseg.data.free_masks import FreeMasks, open_free_masks
from freeseg.labelling import label
from freeseg.loading import on_torch
from freeseg.models import Config, checkpoint
from freeseg.models.network import SegmentationNetwork
from freeseg.models.towers import identities
from freeseg.photos.references import PhotoReference
from freeseg.pipeline import FreeSeg
from freeseg.training import features, processes
from freeseg.training.loop import OnStep, report_part
from freeseg.training.network.batches import Samples, check_batch
from freeseg.training.network.held_out import HeldOutPhotos, hold_out
from freeseg.training.network.initial import initial_network, network_config
from freeseg.training.network.labelled_photos import as_sources
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.task import NetworkTask
from freeseg.training.network.teacher import read_teacher

AGREEMENT = "agreement with free masks kept aside, mIoU"  # as a model card names it
OnRelabelled = Callable[[int, int, str], None]  # done, total, what was done last


@dataclass(frozen=True)
class NetworkTraining:
    """What a network is made of.

    Attributes:
        teacher: The model that made the masks, or another in whose joint space the network shall be.
        encoder: A network's name, one that `freeseg.models.towers.network_family` knows.
        masks: The free masks.
        photos: The photo of each of their entries.
        cache: Folder for the teacher's features.
        name: What the network is called.
        accelerator: Devices and precision.
        workers: Processes that read photos; 0 reads them in this one.
    """

    teacher: FreeSeg
    encoder: str
    masks: FreeMasks
    photos: Sequence[PhotoReference]
    cache: Path
    name: str
    accelerator: Accelerator
    workers: int = 0

    def config(self) -> Config:
        """The network's config, before it is trained."""
        return network_config(self.name, self.encoder, self.teacher)


def train_rounds(
    training: NetworkTraining,
    recipe: NetworkRecipe,
    out: Path,
    *,
    self_training: int = 0,
    on_photos: features.Progress = lambda done, total: None,
    on_relabelled: OnRelabelled = lambda done, total, remark: None,
    on_step: OnStep = lambda step: None,
) -> tuple[FreeSeg, dict[str, float]]:
    """Train a network; resumes where an earlier run in `out` was stopped.

    Args:
        training: What it is made of.
        recipe: How it is trained, in each round.
        out: Folder for checkpoints, curves and sample predictions.
        self_training: In how many more rounds the network relabels its photos and is trained on the result.
        on_photos: Called while the teacher's features are computed.
        on_relabelled: Called while the network relabels.
        on_step: Called after every step; the rounds count as one training.

    Returns:
        The network, and what was measured of it.

    Raises:
        DataError: Photos and masks do not belong together, or the photos are too few.
        FreeSegError: `out` holds a training with other settings, or the loss is not finite.
    """
    accelerator, masks = training.accelerator, training.masks
    if not accelerator.is_main_process:  # one of several processes reports
        on_photos = on_relabelled = on_step = processes.ignore
    held_out, trained_on = hold_out(len(training.photos), recipe.seed)
    check_batch(len(trained_on), recipe, accelerator.num_processes)
    masks.check_sizes()
    config = training.teacher.config
    identity, _ = identities(config.towers, weights_sha256=config.weights_sha256)
    teacher, rows = read_teacher(training.teacher, masks, training.photos, training.cache, identity, progress=on_photos)
    torch.manual_seed(recipe.seed)
    photos = [training.photos[index] for index in trained_on]
    network = initial_network(training.encoder, training.teacher, teacher, photos, rows[trained_on], accelerator.device)
    metrics: dict[str, float] = {}
    for index in range(self_training + 1):
        folder = out / f"round-{index}"
        if index:
            masks = _relabel(training, network, folder, on_relabelled)
        first_masks = training.masks if index else None
        samples = Samples(masks, training.photos, rows, _round_recipe(recipe, index), first_masks)
        data = {
            "encoder": training.encoder,
            "teacher": training.teacher.weights_sha256,
            "logit_scale": str(teacher.scale),
            "background_margin": str(teacher.margin),
            "masks": _masks_sha256(masks),
        }
        task = NetworkTask(network, teacher, samples, trained_on, data, accelerator, workers=training.workers)
        loop = task.loop(folder)
        task.measure = HeldOutPhotos(
            training.config(), samples, held_out, folder, steps=loop.steps, steps_per_epoch=task.steps_per_epoch
        )
        loop.fit(report_part(on_step, index, self_training + 1))
        network = task.average
        metrics = {AGREEMENT: round(task.metrics.get("agreement", math.nan), 1)}
    return on_torch(network, training.config()), metrics


def _relabel(
    training: NetworkTraining, network: SegmentationNetwork, folder: Path, progress: OnRelabelled
) -> FreeMasks:
    """Masks of the network for the same photos; the labels that each may show stay what they were."""
    if training.accelerator.is_main_process:
        checkpoint.save(network, training.config(), folder / "network")
        label(
            as_sources(training.masks, training.photos),
            folder / "masks",
            labels=training.masks.vocabulary,
            model=folder / "network",
            device=str(training.accelerator.device),
            progress=progress,
        )
    training.accelerator.wait_for_everyone()
    masks = open_free_masks(folder / "masks")
    relabelled = {(entry.source, entry.file): entry for entry in masks.entries}
    entries = [
        replace(relabelled[entry.source, entry.file], known=entry.known, labels=entry.labels)
        for entry in training.masks.entries
    ]
    return replace(masks, entries=tuple(entries))


def _round_recipe(recipe: NetworkRecipe, index: int) -> NetworkRecipe:
    """The recipe of a round: each has other crops, and self-training only adjusts what the first round learnt."""
    rate = recipe.learning_rate * (recipe.self_training_rate if index else 1)
    return replace(recipe, seed=recipe.seed + index, learning_rate=rate)


def _masks_sha256(masks: FreeMasks) -> str:
    """A hash of vocabulary and masks: a training goes on with the same ones only."""
    digest = hashlib.sha256(repr(masks.vocabulary).encode())
    for entry in masks.entries:
        digest.update(entry.line().encode())
    return digest.hexdigest()
