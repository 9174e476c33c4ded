"""Training of a segmentation network on free masks."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from freeseg.decision import itsm
from freeseg.errors import FreeSegError
from freeseg.models.iclip import ICLIP
from freeseg.models.network import SegmentationNetwork
from freeseg.training import state
from freeseg.training.features import GRID
from freeseg.training.network.losses import embedding_distillation, mask_loss, partial_logits
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.samples import Sample, Samples, SamplesOrErrors, batches, check_batch, collate
from freeseg.words.embedded import EmbeddedVocabulary

WARM_UP = 50  # steps
LARGEST_GRADIENT = 1.0
CHECKPOINT_SECONDS = 60.0


class Teacher(NamedTuple):
    """What a network learns from, besides free masks.

    Attributes:
        model: The ICLIP whose joint space the network shares.
        features: Its image tower's features of every photo, (rows, GRID * GRID, C), in the order of `Sample.row`.
        words: The vocabulary of the free masks in the joint space.
        scale, margin: Its decision's logit scale and background margin.
    """

    model: ICLIP
    features: NDArray[np.generic]
    words: EmbeddedVocabulary
    scale: float
    margin: float

    @torch.no_grad()
    def patches(self, rows: NDArray[np.int64]) -> Tensor:
        """Its patch embeddings of some photos, (len(rows), GRID * GRID, D)."""
        features = torch.from_numpy(np.ascontiguousarray(self.features[rows]))
        return self.model.image_head(features.to(self.words.embeddings.device).float())  # type: ignore[no-any-return]


class StepReport(NamedTuple):
    """What the trainer reports after a step."""

    step: int
    steps: int
    losses: dict[str, float]
    epoch: int  # how many are finished


OnStep = Callable[[StepReport], None]
Loader = DataLoader[Sample | FreeSegError]


class Trainer:
    """The state of one training: network, moving average, optimiser, step, what was reported.

    A training that was killed and started again ends at the same weights as one that was never stopped: what is drawn
    at a step depends on the seed and the step alone.

    Args:
        network: Trained in place; its text side stays as it is.
        teacher: What it learns from.
        samples: Photos and free masks.
        photos: Which of them are trained on.
        recipe: How.
        run: Folder for the state.
        data: What the data is, by name: text that changes when it does.
        accelerator: Devices and precision.
        workers: Processes that read photos; 0 reads them in this one.

    Raises:
        DataError: Fewer photos than one batch.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        teacher: Teacher,
        samples: Samples,
        photos: NDArray[np.int64],
        recipe: NetworkRecipe,
        run: Path,
        data: Mapping[str, str],
        accelerator: Accelerator,
        workers: int = 0,
    ):
        check_batch(len(photos), recipe, accelerator.num_processes)
        self.teacher, self.samples, self.photos, self.recipe = teacher, samples, photos, recipe
        self.run, self.workers, self.accelerator = run, workers, accelerator
        self.settings = {
            **asdict(recipe),
            "photos": len(photos),
            "precision": accelerator.mixed_precision,
            "processes": accelerator.num_processes,
            **data,
        }
        self.device = accelerator.device
        self.network = network.to(self.device)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.steps_per_epoch = len(photos) // recipe.batch_size
        self.steps = recipe.epochs * self.steps_per_epoch
        self.step, self.whole = 0, True
        self.checkpoint_seconds = CHECKPOINT_SECONDS
        self.history: list[dict[str, float]] = []
        self.agreement: list[dict[str, float]] = []  # filled by who watches; kept with the state
        decoder, encoder = _groups(self.network, recipe)
        self.rates = (recipe.learning_rate, recipe.learning_rate * recipe.encoder_rate)
        groups = [{"params": decoder}, *([{"params": encoder}] if encoder else [])]
        optimiser = torch.optim.AdamW(groups, recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.embed, self.optimiser = accelerator.prepare(_Embed(self.network), optimiser)

    def fit(self, report: OnStep = lambda moment: None) -> SegmentationNetwork:
        """Train to the end, from where the run was stopped; gives the moving average.

        Raises:
            FreeSegError: The run holds a training with other settings, or the loss is no longer a number.
        """
        self.resume()
        saved = time.monotonic()
        try:
            if self.history:  # what was reported last may not have been heard to the end
                report(self._moment())
            for sample in self._loader():
                if isinstance(sample, FreeSegError):
                    raise sample
                self.history.append(self._update(sample))
                report(self._moment())
                if time.monotonic() - saved > self.checkpoint_seconds or self.step % self.steps_per_epoch == 0:
                    self.save()
                    saved = time.monotonic()
        finally:
            if self.whole:
                self.save()
        return self.average

    def _moment(self) -> StepReport:
        return StepReport(self.step, self.steps, self.history[-1], self.step // self.steps_per_epoch)

    def losses(self, sample: Sample) -> dict[str, Tensor]:
        """The losses of a batch, weighted; what is trained on is their sum."""
        recipe, teacher = self.recipe, self.teacher
        patches = self.embed(sample.pixels).float()
        competing = sample.known if recipe.partial_labels else torch.ones_like(sample.known)
        asked = torch.nonzero(competing.any(dim=0)).flatten()  # others would only cost time
        words = teacher.words.restrict_to(asked.tolist())
        # All background words: each photo leaves out those that mean one of its own labels.
        similarity = itsm.similarity(patches, words.all_texts)
        logits = partial_logits(similarity, words, competing[:, asked], teacher.scale, teacher.margin)
        targets = _among(sample.targets, asked, sample.known.shape[1])
        late = self.step >= recipe.clamp_from * self.steps
        losses = {"masks": mask_loss(logits, targets, sample.supervised, recipe.clamp if late else math.inf)}
        if recipe.distill:
            losses["distance to the teacher"] = recipe.distill * self._distillation(patches, sample)
        return losses

    def _distillation(self, patches: Tensor, sample: Sample) -> Tensor:
        rows = torch.as_tensor(sample.row).cpu().numpy()
        grid = self.teacher.patches(rows).movedim(2, 1).reshape(len(rows), -1, GRID, GRID)
        return embedding_distillation(patches, grid, sample.box)

    def _loader(self) -> Loader:
        """The batches of the steps that are left, this process's share of each."""
        share, of = self.accelerator.process_index, self.accelerator.num_processes
        drawn = (batch[share::of] for batch in batches(self.photos, self.recipe, self.step))
        return DataLoader(
            SamplesOrErrors(self.samples),
            batch_sampler=islice(drawn, None),
            collate_fn=collate,
            num_workers=self.workers,
            multiprocessing_context="spawn" if self.workers else None,
        )

    def _update(self, sample: Sample) -> dict[str, float]:
        warm = min(1.0, (self.step + 1) / WARM_UP)
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=False):
            group["lr"] = rate * warm * cosine
        moved = Sample(*(torch.as_tensor(part).to(self.device) for part in sample))
        losses = self.losses(moved)
        total = torch.stack(list(losses.values())).sum()
        self._check("loss", total)
        self.optimiser.zero_grad()
        self.accelerator.backward(total)
        length = self.accelerator.clip_grad_norm_(self.embed.parameters(), LARGEST_GRADIENT)
        if self.accelerator.scaler is None and length is not None:  # a scaler leaves such a step out by itself
            self._check("gradient", length)
        self.whole = False  # a Ctrl-C inside the update leaves weights of no step: they are not saved
        self.optimiser.step()
        self._average()
        self.step += 1
        self.whole = True
        return {name: loss.item() for name, loss in losses.items()}

    def _check(self, what: str, value: Tensor) -> None:
        """Stop before a number that is none gets into the weights."""
        if not torch.isfinite(value):
            self.whole = False  # the last good state is kept
            raise FreeSegError(
                f"the {what} is {value.item()} at step {self.step}; lower --learning-rate and choose another --out "
                f"(the last good state stays in {self.run})"
            )

    @torch.no_grad()
    def _average(self) -> None:
        """The moving average follows; at first faster, so that it forgets the random start."""
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)

    def save(self) -> None:
        """Write the state to the run's folder, whole or not at all."""
        if self.accelerator.is_main_process:
            weights = {"network": self.network.trained_tensors(), "average": self.average.trained_tensors()}
            progress = {"step": self.step, "history": self.history, "agreement": self.agreement}
            scaler = self.accelerator.scaler  # of float16
            progress |= {"scaler": scaler.state_dict()} if scaler else {}
            state.write(self.run, self.settings, {**weights, "optimiser": self.optimiser.state_dict(), **progress})

    def resume(self) -> None:
        """Take up a training that was stopped.

        Raises:
            FreeSegError: It has other settings; the message names them.
        """
        found = state.read(self.run, self.settings, self.device)
        if found is None:
            return
        self.network.load_state_dict(found["network"], strict=False)
        self.average.load_state_dict(found["average"], strict=False)
        self.optimiser.load_state_dict(found["optimiser"])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(found["scaler"])
        self.step, self.history, self.agreement = found["step"], found["history"], found["agreement"]


class _Embed(nn.Module):
    """The network's patch embeddings as a module's forward, which is what several GPUs are given."""

    def __init__(self, network: SegmentationNetwork):
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network.embed_image(pixels)


def _groups(network: SegmentationNetwork, recipe: NetworkRecipe) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters that are trained: decoder and image head, then the encoder's."""
    network.train().requires_grad_(False)
    tower = network.segmentation_tower
    tower.requires_grad_(True)
    tower.encoder.freeze(recipe.frozen_stride)
    network.image_head.requires_grad_(True)
    encoder = [parameter for parameter in tower.encoder.parameters() if parameter.requires_grad]
    return [*tower.decoder.parameters(), *network.image_head.parameters()], encoder


def _among(targets: Tensor, asked: Tensor, labels: int) -> Tensor:
    """Targets over the whole vocabulary -> targets over the labels asked for; others become unknown."""
    table = torch.full((labels + 2,), -1, dtype=torch.int64, device=targets.device)  # the last is target -1
    table[0] = 0
    table[asked + 1] = torch.arange(1, len(asked) + 1, device=targets.device)
    return table[targets]
