"""From free masks to a network: a first training, and self-training rounds in which it relabels its photos.

What photos show is not asked again, and only pixels on which network and first masks agree supervise: without that,
the network's own mistakes grow with every round.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from freeseg.data.free_masks import FreeMasks, open_free_masks
from freeseg.errors import DataError
from freeseg.labelling import label
from freeseg.models import Config, TowerPair, checkpoint
from freeseg.models.network import STRIDE, SegmentationNetwork
from freeseg.models.towers import identities, network_family
from freeseg.pipeline import FreeSeg
from freeseg.training import features
from freeseg.training.network.agreement import agreement, compared
from freeseg.training.network.photos import sources
from freeseg.training.network.pictures import write_curves, write_samples
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.samples import Samples, check_batch
from freeseg.training.network.start import PHOTOS, start_decoder
from freeseg.training.network.trainer import StepReport, Teacher, Trainer

HELD_OUT_SHARE = 0.02  # share of the photos that the network is not trained on, to see how it does
MAX_HELD_OUT = 64
SHOWN = 8
SHOWN_SIDE = 240

OnStep = Callable[[int, StepReport, float], None]  # (round, moment, last agreement in percent, NaN before)
Progress = Callable[[int, int, str], None]  # done, total, what was done last


@dataclass
class NetworkTraining:
    """What a network is made of.

    Attributes:
        teacher: The model that made the masks, or another in whose joint space the network shall be.
        encoder: Name of a segmentation network, one that `freeseg.models.towers.network_family` knows.
        masks: The free masks.
        photos: Their photos.
        cache: Folder for the teacher's features.
        name: What the network is called.
        accelerator: Devices and precision.
        workers: Processes that read photos.
    """

    teacher: FreeSeg
    encoder: str
    masks: FreeMasks
    photos: Sequence[Path]
    cache: Path
    name: str
    accelerator: Accelerator
    workers: int = 0

    def config(self) -> Config:
        """The network's config, before it is trained."""
        own = self.teacher.config
        # Refinement reaches from patch to patch: where they are half as wide, half the steps go as far.
        steps = math.ceil(own.decision.refine_steps * STRIDE / self.teacher.model.stride)
        return Config(
            self.name,
            TowerPair(self.encoder, own.towers.text, text_revision=own.towers.text_revision),
            same_meaning=own.same_meaning,
            decision=replace(own.decision, refine_steps=steps),
            licence=own.licence,
        )


def train(
    job: NetworkTraining,
    recipe: NetworkRecipe,
    out: Path,
    rounds: int = 0,
    on_photos: features.Progress = lambda done, total: None,
    on_relabelled: Progress = lambda done, total, remark: None,
    report: OnStep = lambda number, moment, agreed: None,
) -> tuple[FreeSeg, dict[str, float]]:
    """Train a network; goes on where an earlier run in `out` was stopped.

    Args:
        job: What it is made of.
        recipe: How it is trained, in each round.
        out: Folder for states, curves and sample predictions.
        rounds: How often it relabels its photos and is trained on.
        on_photos: Called while the teacher's features are computed.
        on_relabelled: Called while the network relabels.
        report: Called after every step with the round, the moment, and the last agreement in percent (NaN before).

    Returns:
        The network, and what was measured of it.

    Raises:
        DataError: Photos and masks do not belong together.
        FreeSegError: `out` holds a training with other settings, or the loss is no longer a number.
    """
    if not job.accelerator.is_main_process:  # one voice is enough
        on_photos = on_relabelled = report = _silent
    kept, used = _keep_aside(len(job.photos), recipe.seed)
    check_batch(len(used), recipe, job.accelerator.num_processes)
    job.masks.check_sizes()
    with job.accelerator.main_process_first():  # one fills the cache, the others find it filled
        teacher, rows = _teacher(job, on_photos)
    torch.manual_seed(recipe.seed)
    network = _start(job, teacher, rows, used)
    masks, metrics = job.masks, {}
    for number in range(rounds + 1):
        if number:
            masks = _relabelled(job, network, out / f"round-{number}", on_relabelled)
        first = job.masks if number else None
        samples = Samples(masks, job.photos, rows, _recipe(recipe, number), first)
        folder = out / f"round-{number}"
        data = {
            "encoder": job.encoder,
            "teacher": job.teacher.weights_sha256,
            "logit_scale": str(teacher.scale),
            "background_margin": str(teacher.margin),
            "masks": _identity(masks),
        }
        trainer = Trainer(network, teacher, samples, used, samples.recipe, folder, data, job.accelerator, job.workers)
        watch = _Watch(job, samples, kept, trainer, folder, number, report)
        network = trainer.fit(watch)
        metrics = {"agreement with free masks kept aside, mIoU": round(watch.last(), 1)}
    return FreeSeg(network, job.config()), metrics


def _silent(*_: object) -> None:
    """What the processes that are not the first report."""


class _Watch:
    """Looks at the network after each epoch: agreement, curves, sample predictions."""

    def __init__(
        self,
        job: NetworkTraining,
        samples: Samples,
        kept: NDArray[np.int64],
        trainer: Trainer,
        folder: Path,
        number: int,
        report: OnStep,
    ):
        self.job, self.samples, self.kept, self.trainer = job, samples, kept.tolist(), trainer
        self.folder, self.number, self.report = folder, number, report

    def __call__(self, moment: StepReport) -> None:
        trainer = self.trainer
        seen = any(point["step"] == moment.step for point in trainer.agreement)
        if moment.step % trainer.steps_per_epoch == 0 and not seen and self.job.accelerator.is_main_process:
            average = FreeSeg(trainer.average, self.job.config())
            rows = compared(average, self.samples, self.kept[:SHOWN], SHOWN_SIDE)
            write_samples(self.folder / f"epoch-{moment.epoch}.png", rows, self.samples.masks.labels)
            point = {"step": float(moment.step), "mIoU": agreement(average, self.samples, self.kept)}
            agreed = [*trainer.agreement, point]
            write_curves(self.folder / "curves.png", trainer.history, agreed, trainer.steps)
            trainer.agreement = agreed  # at last: what a Ctrl-C leaves out is done again
        self.report(self.number, moment, self.last())

    def last(self) -> float:
        """The last agreement, NaN before the first."""
        return self.trainer.agreement[-1]["mIoU"] if self.trainer.agreement else float("nan")


def _start(
    job: NetworkTraining, teacher: Teacher, rows: NDArray[np.int64], used: NDArray[np.int64]
) -> SegmentationNetwork:
    """A network that makes the best linear guess of its teacher's patches; or its teacher, where that is such a one."""
    if isinstance(job.teacher.model, SegmentationNetwork) and job.teacher.config.towers.image == job.encoder:
        return copy.deepcopy(job.teacher.model)
    network = network_family(job.encoder).start_network(job.encoder, job.teacher.model).to(job.accelerator.device)
    chosen = used[np.linspace(0, len(used) - 1, min(PHOTOS, len(used))).astype(int)]
    targets = [teacher.patches(rows[photo : photo + 1])[0] for photo in chosen]
    start_decoder(network, [job.photos[photo] for photo in chosen], targets)
    return network


def _teacher(job: NetworkTraining, on_photos: features.Progress) -> tuple[Teacher, NDArray[np.int64]]:
    """The teacher with its features of all photos, and the row of each photo in them."""
    teacher = job.teacher
    words = teacher.words(job.masks.vocabulary)
    # Tensors of inference mode cannot be part of a training.
    words = words._replace(embeddings=words.embeddings.clone(), background=words.background.clone())
    config = teacher.config
    keys = identities(config.towers, weights_sha256=config.weights_sha256)
    store, _ = features.open_stores(teacher.model, job.cache, *keys)
    known = features.extract_photos(teacher.model, sources(job.masks, job.photos), store, teacher.device, on_photos)
    read = {sha256 for sha256, _, _ in known.photos}
    for path, entry in zip(job.photos, job.masks.entries, strict=True):
        if entry.sha256 not in read:
            raise DataError(
                f"{path} is not the photo that was labelled as {entry.source}/{entry.file}: it has changed, or is "
                "another of that name; add the right folder to --images, or label the photos again"
            )
    rows = store.positions([entry.sha256 for entry in job.masks.entries])
    decision = config.decision
    return Teacher(teacher.model, store.rows(), words, decision.logit_scale, decision.background_margin), rows


def _relabelled(job: NetworkTraining, network: SegmentationNetwork, folder: Path, progress: Progress) -> FreeMasks:
    """The same photos with masks of the network; what they show stays what captions or the teacher said of them."""
    if job.accelerator.is_main_process:
        checkpoint.save(network, job.config(), folder / "network")
        device = str(job.accelerator.device)
        label(
            sources(job.masks, job.photos),
            folder / "masks",
            labels=job.masks.vocabulary,
            model=folder / "network",
            device=device,
            progress=progress,
        )
    job.accelerator.wait_for_everyone()
    masks = open_free_masks(folder / "masks")
    made = {(entry.source, entry.file): entry for entry in masks.entries}
    again = [
        replace(made[entry.source, entry.file], known=entry.known, labels=entry.labels) for entry in job.masks.entries
    ]
    return replace(masks, entries=tuple(again))


def _recipe(recipe: NetworkRecipe, number: int) -> NetworkRecipe:
    """The recipe of a round: other crops, and later ones only adjust what the first has learnt."""
    rate = recipe.learning_rate * (recipe.self_training_rate if number else 1)
    return replace(recipe, seed=recipe.seed + number, learning_rate=rate)


def _keep_aside(photos: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The photos that are not trained on, and the others."""
    count = min(MAX_HELD_OUT, max(1, round(HELD_OUT_SHARE * photos)))
    order = np.random.default_rng((seed, 3)).permutation(photos)
    return order[:count], np.sort(order[count:])


def _identity(masks: FreeMasks) -> str:
    """What the masks are, for a training to go on with the same ones only."""
    digest = hashlib.sha256(repr(masks.vocabulary).encode())
    for entry in masks.entries:
        digest.update(entry.line().encode())
    return digest.hexdigest()
