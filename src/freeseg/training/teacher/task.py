"""Dense ICLIP training: frozen towers, two projections, captions, and the image tower's own label space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from freeseg.decision.pooling import POOLINGS, smooth_patches
from freeseg.errors import FreeSegError
from freeseg.models.iclip import ICLIP, Classifier
from freeseg.training import processes
from freeseg.training.features import GRID
from freeseg.training.loop import Loop, Losses, OnStep, report_part
from freeseg.training.teacher.batches import TeacherBatch, TeacherBatches
from freeseg.training.teacher.data import TeacherData
from freeseg.training.teacher.held_out import retrieval
from freeseg.training.teacher.losses import distillation, group_probabilities, multi_positive_nce, pooled_similarity
from freeseg.training.teacher.recipe import TeacherRecipe
from freeseg.training.teacher.words import TrainingWords

WARM_UP = 20  # steps
CHECKPOINT_SECONDS = 20.0
SCALE_START, SCALE_LIMIT = 14.0, 100.0
STATISTICS_ROWS = 2_000


class TeacherTask:
    """The heads of a dense ICLIP, as a task of the training loop.

    Args:
        model: Frozen towers, and the heads, which are trained in place.
        data: What is trained on.
        words: The words that training looks for.
        recipe: How it is trained.
        towers: Which towers `data` was computed with, by role: text that changes when their answers may, as
            `freeseg.models.towers.identities` gives it. Features of two towers of one shape look alike.

    Raises:
        DataError: Fewer photos with captions than one batch, or no attention where the recipe asks for it.
        FreeSegError: The recipe asks for distillation, and the image tower has no label space.
    """

    def __init__(
        self,
        model: ICLIP,
        data: TeacherData,
        words: TrainingWords,
        recipe: TeacherRecipe,
        *,
        towers: Mapping[str, str] = {},
    ):
        recipe = resolve_attention(recipe, model)
        if (recipe.distill or recipe.distill_kinds) and not isinstance(model.image_tower, Classifier):
            raise FreeSegError("the image tower has no label space to distill; set distill and distill_kinds to 0")
        self.model, self.data, self.recipe = model, data, recipe
        self.device = model.text_head.weight.device
        self.words = words.to(self.device)  # text towers answer on the CPU
        self.drawn = TeacherBatches(data, recipe, len(words.nouns))
        self.epochs, self.steps_per_epoch = recipe.epochs, self.drawn.steps_per_epoch
        torch.manual_seed(recipe.seed)
        model.reset_heads()
        self.log_scale = nn.Parameter(torch.tensor(math.log(SCALE_START), device=self.device))
        self._standardise()
        self.parameters = [*model.image_head.parameters(), *model.text_head.parameters(), self.log_scale]
        self.optimiser: torch.optim.Optimizer = torch.optim.AdamW(
            self.parameters, recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.learning_rates: Sequence[float] = (recipe.learning_rate,)
        self.metrics: dict[str, float] = {}
        self.settings: Mapping[str, object] = self._settings(towers)

    def batches(self, first: int) -> Iterator[TeacherBatch]:
        """The batches of all steps from `first` to the last."""
        return self.drawn.from_step(first)

    def losses(self, batch: TeacherBatch, step: int) -> dict[str, Tensor]:
        """Contrast of pooled photos with captions and with nouns, and vocabulary distillation of single patches."""
        features, captions, mentioned, patches, attention = batch.to(self.device)
        recipe, model = self.recipe, self.model
        weight = self._weight(features, attention)
        embedded = model.image_head(features).float().movedim(2, 1)
        embedded = smooth_patches(embedded.reshape(*embedded.shape[:2], GRID, GRID), recipe.smoothing).flatten(2)
        texts = model.project_text(captions)
        pooling = POOLINGS[recipe.pooling]
        scale = self.log_scale.exp().clamp(max=SCALE_LIMIT)
        # The contrast is over the whole batch: each process compares its photos with all texts, and all that with all.
        similarity = pooled_similarity(embedded, texts, pooling, where=recipe.where, weight=weight, tau=recipe.tau)
        own = torch.eye(len(mentioned), dtype=torch.bool, device=self.device).repeat_interleave(recipe.captions, dim=1)
        losses = {"captions": multi_positive_nce(processes.gather(similarity), own, scale=scale)}
        if recipe.nouns:
            nouns = model.project_text(self.words.nouns)
            similarity = pooled_similarity(embedded, nouns, pooling, where=recipe.where, weight=weight, tau=recipe.tau)
            losses["nouns"] = recipe.nouns * multi_positive_nce(processes.gather(similarity), mentioned, scale=scale)
        if recipe.distill or recipe.distill_kinds:
            losses["vocabulary distillation"] = self._distillation(patches)
        return losses

    def backward(self, loss: Tensor) -> Tensor:
        """Compute the gradients; gives their norm."""
        loss.backward()  # type: ignore[no-untyped-call]
        processes.average_gradients(self.parameters)
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        return nn.utils.get_total_norm(gradients)

    def update(self, step: int) -> None:
        """Change the heads by their gradients."""
        self.optimiser.step()

    def after_epoch(self, step: int, history: Sequence[Losses]) -> None:
        """Measure the retrieval of the held-out photos."""
        self.metrics = retrieval(self.model, self.data, self.device)

    def state(self) -> dict[str, object]:
        """What a checkpoint holds besides step and losses."""
        return {
            "heads": self.model.trained_tensors(),
            "log_scale": self.log_scale.detach(),
            "optimiser": self.optimiser.state_dict(),
            "retrieval": self.metrics,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint holds."""
        self.model.load_state_dict(state["heads"], strict=False)
        self.log_scale.data.copy_(state["log_scale"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.metrics = state["retrieval"]

    def loop(self, run: Path) -> Loop[TeacherBatch]:
        """The loop that trains it; its checkpoints are in the folder `run`."""
        return Loop(self, run, warm_up=WARM_UP, checkpoint_seconds=CHECKPOINT_SECONDS)

    def _weight(self, features: Tensor, attention: Tensor | None) -> Tensor | None:
        """The attention of each patch (B, 1, P) in [0, 1]; None where all patches count alike."""
        if self.recipe.attention == "energy":
            grid = features.movedim(2, 1).float().reshape(len(features), -1, GRID, GRID)
            return self.model.attention(grid).flatten(2)
        return None if attention is None else attention[:, None]

    def _distillation(self, patches: Tensor) -> Tensor:
        recipe, model, words = self.recipe, self.model, self.words
        with torch.no_grad():
            probabilities = cast(Classifier, model.image_tower).classify(patches).float().softmax(dim=1)
        embedded = model.image_head(patches).float()
        classes = model.project_text(words.classes)
        loss = recipe.distill * distillation(embedded, classes, probabilities, scale=recipe.distill_scale)
        if recipe.distill_kinds:
            kinds = model.project_text(words.kinds)
            target = group_probabilities(probabilities, words.kind_of, len(kinds))
            loss = loss + recipe.distill_kinds * distillation(embedded, kinds, target, scale=recipe.distill_scale)
        return loss * (len(patches) / self.drawn.patches_per_process)  # shares may differ by a photo

    def _settings(self, towers: Mapping[str, str]) -> dict[str, object]:
        counts = (len(self.data.captioned), len(self.data.held_out), len(self.data.unlabelled))
        shapes = {name: list(tensor.shape) for name, tensor in self.model.trained_tensors().items()}
        photos = {"photos (captions, held out, unlabelled)": list(counts)}
        return {**asdict(self.recipe), **towers, "heads": shapes, **photos}

    def _standardise(self) -> None:
        """Per-channel mean and deviation of the features, from a fixed sample of the photos."""
        rows = np.linspace(0, len(self.data.features) - 1, min(STATISTICS_ROWS, len(self.data.features))).astype(int)
        sample = torch.from_numpy(self.data.features[np.unique(rows)]).float().flatten(0, 1)
        self.model.image_head.mean.copy_(sample.mean(dim=0))
        self.model.image_head.std.copy_(sample.std(dim=0) + 1e-3)


def train_average(
    model: ICLIP,
    data: TeacherData,
    words: TrainingWords,
    recipe: TeacherRecipe,
    run: Path,
    *,
    trainings: int,
    towers: Mapping[str, str] = {},
    report: OnStep = lambda step: None,
) -> dict[str, float]:
    """Train with `trainings` consecutive seeds and give `model` the mean of their heads.

    The heads share one target space, the text tower's, so averaging them averages their embeddings and the noise
    of a small data set goes down (model soups, Wortsman et al. 2022, arXiv 2203.05482).

    Args:
        model, data, words, recipe, towers: As of `TeacherTask`.
        run: Each training has its own folder in it, and resumes from there.
        trainings: How many trainings there are.
        report: Called after every step; the trainings count as one.

    Returns:
        Retrieval of the held-out photos with the averaged heads; empty where there are none.

    Raises:
        FreeSegError: `run` holds a training with other settings, or the loss is not finite.
    """
    total: dict[str, Tensor] = {}
    for index in range(trainings):
        seeded = replace(recipe, seed=recipe.seed + index)
        task = TeacherTask(model, data, words, seeded, towers=towers)
        task.loop(run / f"seed-{seeded.seed}").fit(report_part(report, index, trainings))
        for name, tensor in model.trained_tensors().items():
            total[name] = total.get(name, torch.zeros_like(tensor)) + tensor.detach() / trainings
    model.load_state_dict(total, strict=False)
    return retrieval(model, data, model.text_head.weight.device)


def resolve_attention(recipe: TeacherRecipe, model: ICLIP) -> TeacherRecipe:
    """The recipe for an image tower, with "auto" attention replaced by what it stands for."""
    if recipe.attention != "auto":
        return recipe
    return replace(recipe, attention="energy" if isinstance(model.image_tower, Classifier) else "none")
