"""Training of a segmentation network on free masks."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from freeseg.decision import itsm
from freeseg.errors import FreeSegError
from freeseg.models.iclip import PatchEmbedder
from freeseg.models.network import SegmentationNetwork
from freeseg.prefetch import end_with_parent
from freeseg.training.features import GRID
from freeseg.training.loop import Loop, Losses
from freeseg.training.network.batches import Sample, Samples, SamplesOrErrors, batches, check_batch, collate
from freeseg.training.network.losses import UNKNOWN, embedding_distillation, mask_loss, partial_logits
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.teacher import Teacher

WARM_UP = 50  # steps
LARGEST_GRADIENT = 1.0


class Measure(Protocol):
    """Measures a network on held-out photos after an epoch."""

    def __call__(
        self, network: SegmentationNetwork, step: int, history: Sequence[Losses], earlier: Sequence[dict[str, float]]
    ) -> dict[str, float]:
        """Gives {"step", "mIoU"}; `earlier` is what it gave after the epochs before."""


class NetworkTask:
    """A segmentation network and the moving average of its weights, as a task of the training loop.

    Args:
        network: Trained in place; its text side stays as it is.
        teacher: What it learns from.
        samples: Photos and free masks.
        photos: Which of them are trained on.
        data: What the data is, by name: text that changes when it does.
        accelerator: Devices and precision.
        workers: Processes that read photos; 0 reads them in this one.
        measure: Called after each epoch with the moving average; None measures nothing.

    Raises:
        DataError: Fewer photos than one batch.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        teacher: Teacher,
        samples: Samples,
        photos: NDArray[np.int64],
        data: Mapping[str, str],
        accelerator: Accelerator,
        *,
        workers: int = 0,
        measure: Measure | None = None,
    ):
        recipe = samples.recipe
        check_batch(len(photos), recipe, accelerator.num_processes)
        self.teacher, self.samples, self.photos, self.recipe = teacher, samples, photos, recipe
        self.workers, self.accelerator, self.measure = workers, accelerator, measure
        self.settings: Mapping[str, object] = {
            **asdict(recipe),
            "photos": len(photos),
            "precision": accelerator.mixed_precision,
            **data,
        }
        self.device = accelerator.device
        self.network = network.to(self.device)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.epochs, self.steps_per_epoch = recipe.epochs, len(photos) // recipe.batch_size
        self.measured: list[dict[str, float]] = []
        groups = _parameter_groups(self.network, recipe)
        self.learning_rates: Sequence[float] = tuple(rate for _, rate in groups)
        optimiser = torch.optim.AdamW(
            [{"params": parameters} for parameters, _ in groups], recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.embed, self.optimiser = accelerator.prepare(PatchEmbedder(self.network), optimiser)

    @property
    def metrics(self) -> Mapping[str, float]:
        """Agreement after the last epoch, mIoU in percent; empty before the first epoch's end."""
        return {"agreement": self.measured[-1]["mIoU"]} if self.measured else {}

    def batches(self, first: int) -> Iterator[Sample]:
        """The batches of all steps from `first` to the last: this process's share of each."""
        share, of = self.accelerator.process_index, self.accelerator.num_processes
        drawn = (batch[share::of] for batch in batches(self.photos, self.recipe, first))
        loader: DataLoader[Sample | FreeSegError] = DataLoader(
            SamplesOrErrors(self.samples),
            batch_sampler=islice(drawn, None),
            collate_fn=collate,
            num_workers=self.workers,
            multiprocessing_context="spawn" if self.workers else None,
            worker_init_fn=end_with_parent,
        )
        for sample in loader:
            if isinstance(sample, FreeSegError):
                raise sample
            yield sample

    def losses(self, batch: Sample, step: int) -> dict[str, Tensor]:
        """The losses of a batch, weighted."""
        batch = Sample(*(torch.as_tensor(part).to(self.device) for part in batch))
        recipe, teacher = self.recipe, self.teacher
        patches = self.embed(batch.pixels).float()
        competing = batch.known if recipe.partial_labels else torch.ones_like(batch.known)
        labels = torch.nonzero(competing.any(dim=0)).flatten()  # the others would only cost time
        words = teacher.words.restrict_to(labels)
        similarity = itsm.similarity(patches, words.texts)
        logits = partial_logits(similarity, words, competing[:, labels], scale=teacher.scale, margin=teacher.margin)
        targets = _targets_among(batch.targets, labels, batch.known.shape[1])
        late = step >= recipe.clamp_from * self.epochs * self.steps_per_epoch
        losses = {"masks": mask_loss(logits, targets, batch.supervised, clamp=recipe.clamp if late else math.inf)}
        if recipe.distill:
            losses["distance to the teacher"] = recipe.distill * self._distillation(patches, batch)
        return losses

    def backward(self, loss: Tensor) -> Tensor | None:
        """Compute the gradients, clipped; gives their norm before that, or None in float16."""
        self.accelerator.backward(loss)
        norm: Tensor | None = self.accelerator.clip_grad_norm_(self.embed.parameters(), LARGEST_GRADIENT)
        return norm if self.accelerator.scaler is None else None  # a scaler leaves such a step out by itself

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Change the weights by their gradients; their average follows, at first faster, to forget the start."""
        self.optimiser.step()
        decay = min(self.recipe.ema, (1 + step) / (10 + step))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)

    def after_epoch(self, step: int, history: Sequence[Losses]) -> None:
        """Measure the moving average, unless that was done before the training was stopped."""
        done = any(point["step"] == step for point in self.measured)
        if self.measure and self.accelerator.is_main_process and not done:
            self.measured = [*self.measured, self.measure(self.average, step, history, self.measured)]

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint holds."""
        self.network.load_state_dict(state["network"], strict=False)
        self.average.load_state_dict(state["average"], strict=False)
        self.optimiser.load_state_dict(state["optimiser"])
        measured = state["agreement"]  # another error than these would not be taken for that of a damaged file
        self.measured = [{**each, "step": int(each["step"]), "mIoU": float(each["mIoU"])} for each in measured]
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def state(self) -> dict[str, object]:
        """What a checkpoint holds besides step and losses."""
        scaler = self.accelerator.scaler  # of float16
        return {
            "network": self.network.trained_tensors(),
            "average": self.average.trained_tensors(),
            "optimiser": self.optimiser.state_dict(),
            "agreement": self.measured,
            **({"scaler": scaler.state_dict()} if scaler else {}),
        }

    def loop(self, run: Path) -> Loop[Sample]:
        """The loop that trains it; its checkpoints are in the folder `run`."""
        return Loop(self, run, warm_up=WARM_UP)

    def _distillation(self, patches: Tensor, batch: Sample) -> Tensor:
        rows = torch.as_tensor(batch.row).cpu().numpy()
        grid = self.teacher.patches(rows).movedim(2, 1).reshape(len(rows), -1, GRID, GRID)
        return embedding_distillation(patches, grid, batch.box)


def _parameter_groups(network: SegmentationNetwork, recipe: NetworkRecipe) -> list[tuple[list[nn.Parameter], float]]:
    """The parameters that are trained, each group with its learning rate: decoder and image head, then the encoder."""
    network.train().requires_grad_(False)
    tower = network.segmentation_tower
    tower.requires_grad_(True)
    tower.encoder.freeze(recipe.frozen_stride)
    network.image_head.requires_grad_(True)
    decoder = [*tower.decoder.parameters(), *network.image_head.parameters()]
    encoder = [parameter for parameter in tower.encoder.parameters() if parameter.requires_grad]
    groups = [(decoder, recipe.learning_rate), (encoder, recipe.learning_rate * recipe.encoder_rate)]
    return [(parameters, rate) for parameters, rate in groups if parameters]


def _targets_among(targets: Tensor, labels: Tensor, count: int) -> Tensor:
    """Targets over a vocabulary of `count` labels -> targets over some of them; the others become unknown."""
    table = torch.full((count + 2,), UNKNOWN, dtype=torch.int64, device=targets.device)  # its last row is for UNKNOWN
    table[0] = 0
    table[labels + 1] = torch.arange(1, len(labels) + 1, device=targets.device)
    return table[targets]
