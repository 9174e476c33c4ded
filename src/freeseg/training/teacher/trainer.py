"""Dense ICLIP training: frozen towers, two projections, captions, and the tower's own label space."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freeseg.decision.pooling import POOLINGS, smooth_patches
from freeseg.errors import DataError, FreeSegError
from freeseg.evaluation.metrics.retrieval import recall_at
from freeseg.models.iclip import ICLIP, Classifier
from freeseg.training import state
from freeseg.training.features import GRID, TrainingData
from freeseg.training.teacher.losses import distillation, group_probabilities, multi_positive_nce, pooled_similarity
from freeseg.training.teacher.recipe import TeacherRecipe

WARM_UP = 20  # steps
SCALE_START, SCALE_LIMIT = 14.0, 100.0
STATISTICS_ROWS = 2_000
CHECKPOINT_SECONDS = 20.0


@dataclass(frozen=True)
class TrainingWords:
    """Text-tower embeddings (prompt-averaged) of the words that training looks for.

    Attributes:
        classes: (K, T), the image tower's label space.
        kinds: (G, T), the kinds of those classes (dog, bird, car, ...).
        kind_of: (K,), the kind of each class.
        nouns: (N, T), the nouns that captions are searched for.
    """

    classes: Tensor
    kinds: Tensor
    kind_of: Tensor
    nouns: Tensor

    def to(self, device: torch.device) -> TrainingWords:
        """The same on a device."""
        return TrainingWords(*(part.to(device) for part in (self.classes, self.kinds, self.kind_of, self.nouns)))


class TeacherBatch(NamedTuple):
    """What one step sees of its photos.

    Attributes:
        features: (B, P, C).
        captions: `TeacherRecipe.captions` texts of each, (B * captions, T).
        mentioned: The nouns that their captions mention, (B, N) bool.
        patches: Patches to distill, (M, C).
        weight: Free attention (B, 1, P) in [0, 1]; None where all patches count alike.
    """

    features: Tensor
    captions: Tensor
    mentioned: Tensor
    patches: Tensor
    weight: Tensor | None


class StepReport(NamedTuple):
    """What the trainer reports after a step."""

    step: int
    steps: int
    loss: float
    retrieval: dict[str, float]  # of the held-out photos after the last epoch; empty before


OnStep = Callable[[StepReport], None]


def pretrain(
    model: ICLIP,
    data: TrainingData,
    words: TrainingWords,
    recipe: TeacherRecipe,
    run: Path,
    report: OnStep = lambda moment: None,
    towers: Mapping[str, str] = {},
) -> dict[str, float]:
    """Train the heads of `model` in place; resumes from `run` where an earlier one stopped.

    A resumed training ends at the same weights as one that was never stopped: what is drawn at a step
    depends on the seed and the step alone.

    Args:
        model: Frozen towers, and the heads to train.
        data: What to train on.
        words: What to look for.
        recipe: How.
        run: Folder for the state.
        report: Called after every step.
        towers: Which towers `data` was computed with, by role: text that changes when their answers may, as
            `freeseg.models.towers.identities` gives it. Features of two towers of one shape look alike.

    Returns:
        Retrieval of the held-out photos (empty when there are none).

    Raises:
        FreeSegError: `run` holds a training with other settings, or the loss is no longer a number.
    """
    trainer = _Trainer(model, data, words, recipe, run, towers)
    trainer.resume()
    return trainer.fit(report)


def pretrain_average(
    model: ICLIP,
    data: TrainingData,
    words: TrainingWords,
    recipe: TeacherRecipe,
    run: Path,
    trainings: int,
    report: OnStep = lambda moment: None,
    towers: Mapping[str, str] = {},
) -> dict[str, float]:
    """Train with `trainings` consecutive seeds and give `model` the mean of their heads.

    The heads share one target space, the text tower's, so averaging them averages their embeddings and the noise
    of a small data set goes down (model soups, Wortsman et al. 2022, arXiv 2203.05482). Each training has its own
    folder in `run` and resumes by itself. The other arguments are those of `pretrain`.

    Returns:
        Retrieval of the held-out photos with the averaged heads.
    """
    total: dict[str, Tensor] = {}
    for index in range(trainings):
        seeded = replace(recipe, seed=recipe.seed + index)
        part = _part(report, index, trainings)
        pretrain(model, data, words, seeded, run / f"seed-{seeded.seed}", part, towers)
        for name, tensor in model.trained_tensors().items():
            total[name] = total.get(name, torch.zeros_like(tensor)) + tensor.detach() / trainings
    model.load_state_dict(total, strict=False)
    return retrieval(model, data, model.text_head.weight.device)


def _part(report: OnStep, index: int, parts: int) -> OnStep:
    """Report one of several trainings as a part of all of them."""
    return lambda moment: report(moment._replace(step=index * moment.steps + moment.step, steps=parts * moment.steps))


class _Trainer:
    """The state of one training: heads, optimiser, step."""

    def __init__(
        self,
        model: ICLIP,
        data: TrainingData,
        words: TrainingWords,
        recipe: TeacherRecipe,
        run: Path,
        towers: Mapping[str, str],
    ):
        if len(data.paired) < recipe.batch_size:
            raise DataError(
                f"{len(data.paired)} photos with captions are fewer than one batch of {recipe.batch_size}; "
                "add photos or lower --batch-size"
            )
        if recipe.attention == "class" and data.attention is None:
            raise DataError("no attention of another tower was prepared; name one with --attention")
        if (recipe.distill or recipe.distill_kinds) and not isinstance(model.image_tower, Classifier):
            raise FreeSegError("the image tower has no label space to distill; set distill and distill_kinds to 0")
        self.model, self.data, self.recipe, self.run = model, data, recipe, run
        self.towers = dict(towers)
        self.unlabelled = np.array(data.unlabelled, dtype=np.int64)
        self.device = model.text_head.weight.device
        self.words = words.to(self.device)  # text towers answer on the CPU
        torch.manual_seed(recipe.seed)
        model.reset_heads()
        self.log_scale = nn.Parameter(torch.tensor(math.log(SCALE_START), device=self.device))
        self._standardise()
        self.parameters = [*model.image_head.parameters(), *model.text_head.parameters(), self.log_scale]
        self.optimiser = torch.optim.AdamW(self.parameters, recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.steps_per_epoch = len(data.paired) // recipe.batch_size
        self.steps = recipe.epochs * self.steps_per_epoch
        self.step = 0
        self.whole = True
        self.retrieval: dict[str, float] = {}

    # What a step draws: decided by the seed and the step, so that nothing needs to be remembered.

    def batches(self, epoch: int) -> NDArray[np.int64]:
        """The photos of each step of an epoch, (steps, batch), as indices into `data.paired`."""
        order = np.random.default_rng((self.recipe.seed, epoch)).permutation(len(self.data.paired))
        used = self.steps_per_epoch * self.recipe.batch_size
        return order[:used].reshape(self.steps_per_epoch, self.recipe.batch_size)

    def draw(self, chosen: NDArray[np.int64]) -> TeacherBatch:
        """What one step sees of the chosen photos."""
        rng = np.random.default_rng((self.recipe.seed, 1, self.step))
        photos = [self.data.paired[i] for i in chosen]
        rows = np.array([photo.row for photo in photos])
        features = self._tensor(self.data.features[rows])
        count = self.recipe.captions
        picked = [rng.choice(photo.captions, count, replace=count > len(photo.captions)) for photo in photos]
        texts = torch.from_numpy(self.data.texts[np.concatenate(picked)])
        mentioned = torch.zeros(len(photos), len(self.words.nouns), dtype=torch.bool)
        for i, photo in enumerate(photos):
            mentioned[i, list(photo.nouns)] = True
        extra = features.new_empty((0, *features.shape[1:]))
        if len(self.unlabelled):
            extra = self._tensor(self.data.features[rng.choice(self.unlabelled, len(chosen) // 4)])
        every = torch.cat([features, extra])
        picks = torch.from_numpy(rng.integers(every.shape[1], size=(len(every), self.recipe.distill_patches)))
        patches = every[torch.arange(len(every))[:, None], picks].flatten(0, 1)
        weight = self._attention(features, rows)
        return TeacherBatch(features, texts.to(self.device), mentioned.to(self.device), patches, weight)

    def _attention(self, features: Tensor, rows: NDArray[np.int64]) -> Tensor | None:
        """Free attention of some photos (B, 1, P), or None."""
        if self.recipe.attention == "energy":
            grid = features.movedim(2, 1).float().reshape(len(features), -1, GRID, GRID)
            return self.model.attention(grid).flatten(2)
        if self.recipe.attention == "class" and self.data.attention is not None:
            return torch.from_numpy(self.data.attention[rows]).to(self.device, torch.float32)[:, None]
        return None

    def loss(self, drawn: TeacherBatch) -> Tensor:
        """Contrast of pooled photos with captions and with nouns, plus vocabulary distillation of single patches."""
        features, captions, mentioned, patches, weight = drawn
        recipe, model = self.recipe, self.model
        embedded = model.image_head(features).float().movedim(2, 1)
        embedded = smooth_patches(embedded.reshape(*embedded.shape[:2], GRID, GRID), recipe.smoothing).flatten(2)
        texts = nn.functional.normalize(model.text_head(captions), dim=1)
        pooling = POOLINGS[recipe.pooling]
        scale = self.log_scale.exp().clamp(max=SCALE_LIMIT)
        similarity = pooled_similarity(embedded, texts, pooling, recipe.where, weight, recipe.tau)
        own = torch.eye(len(embedded), dtype=torch.bool, device=self.device).repeat_interleave(recipe.captions, dim=1)
        loss = multi_positive_nce(similarity, own, scale)
        if recipe.nouns:
            nouns = nn.functional.normalize(model.text_head(self.words.nouns), dim=1)
            similarity = pooled_similarity(embedded, nouns, pooling, recipe.where, weight, recipe.tau)
            loss = loss + recipe.nouns * multi_positive_nce(similarity, mentioned, scale)
        if recipe.distill or recipe.distill_kinds:
            loss = loss + self._distillation(patches)
        return loss

    def _distillation(self, patches: Tensor) -> Tensor:
        recipe, model, words = self.recipe, self.model, self.words
        with torch.no_grad():
            probabilities = cast(Classifier, model.image_tower).classify(patches).float().softmax(dim=1)
        embedded = model.image_head(patches).float()
        classes = nn.functional.normalize(model.text_head(words.classes), dim=1)
        loss = recipe.distill * distillation(embedded, classes, probabilities, recipe.distill_scale)
        if recipe.distill_kinds:
            kinds = nn.functional.normalize(model.text_head(words.kinds), dim=1)
            target = group_probabilities(probabilities, words.kind_of, len(kinds))
            loss = loss + recipe.distill_kinds * distillation(embedded, kinds, target, recipe.distill_scale)
        return loss

    def fit(self, report: OnStep) -> dict[str, float]:
        """Train to the end, with a checkpoint now and then and one when stopped."""
        saved = time.monotonic()
        try:
            for chosen in self._remaining():
                loss = self._update(chosen)
                if self.step % self.steps_per_epoch == 0:
                    self.retrieval = retrieval(self.model, self.data, self.device)
                report(StepReport(self.step, self.steps, loss, self.retrieval))
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self.save()
                    saved = time.monotonic()
        finally:
            if self.whole:
                self.save()
        return self.retrieval

    def _remaining(self) -> Iterator[NDArray[np.int64]]:
        while self.step < self.steps:
            epoch, first = divmod(self.step, self.steps_per_epoch)
            yield from self.batches(epoch)[first:]

    def _update(self, chosen: NDArray[np.int64]) -> float:
        warm = min(1.0, (self.step + 1) / WARM_UP)
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * warm * cosine
        loss = self.loss(self.draw(chosen))
        if not torch.isfinite(loss):
            raise FreeSegError(f"the loss is {loss.item()} at step {self.step}; lower --learning-rate and start anew")
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.whole = False  # a Ctrl-C inside the update leaves weights of no step: they are not saved
        self.optimiser.step()
        self.step += 1
        self.whole = True
        return loss.item()

    def save(self) -> None:
        """Write the state to `run/state.pt`."""
        state.write(
            self.run,
            self._settings(),
            {
                "step": self.step,
                "heads": self.model.trained_tensors(),
                "log_scale": self.log_scale.detach(),
                "optimiser": self.optimiser.state_dict(),
                "retrieval": self.retrieval,
            },
        )

    def resume(self) -> None:
        """Take up a training that was stopped; refuse one with other settings, saying which."""
        saved = state.read(self.run, self._settings(), self.device)
        if saved is None:
            return
        self.model.load_state_dict(saved["heads"], strict=False)
        self.log_scale.data.copy_(saved["log_scale"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.retrieval = saved["step"], saved["retrieval"]

    def _settings(self) -> dict[str, object]:
        counts = (len(self.data.paired), len(self.data.held_out), len(self.data.unlabelled))
        shapes = {name: list(tensor.shape) for name, tensor in self.model.trained_tensors().items()}
        photos = {"photos (captions, held out, unlabelled)": list(counts)}
        return {**asdict(self.recipe), **self.towers, "heads": shapes, **photos}

    def _standardise(self) -> None:
        """Per-channel mean and deviation of the features, from a fixed sample of the photos."""
        rows = np.linspace(0, len(self.data.features) - 1, min(STATISTICS_ROWS, len(self.data.features))).astype(int)
        sample = torch.from_numpy(self.data.features[np.unique(rows)]).float().flatten(0, 1)
        self.model.image_head.mean.copy_(sample.mean(dim=0))
        self.model.image_head.std.copy_(sample.std(dim=0) + 1e-3)

    def _tensor(self, rows: NDArray[np.generic]) -> Tensor:
        dtype = torch.bfloat16 if self.recipe.precision == "bfloat16" else torch.float32
        return torch.from_numpy(np.ascontiguousarray(rows)).to(self.device, dtype)


@torch.inference_mode()
def retrieval(model: ICLIP, data: TrainingData, device: torch.device) -> dict[str, float]:
    """Text-to-image recall at 1 and 5 on the held-out photos, patches averaged (the plain mean, for any pooling)."""
    if not data.held_out:
        return {}
    rows = np.array([photo.row for photo in data.held_out])
    images = torch.cat(
        [
            model.image_head(torch.from_numpy(data.features[part]).to(device).float()).mean(dim=1)
            for part in np.array_split(rows, max(1, len(rows) // 100))
        ]
    )
    captions = np.concatenate([photo.captions for photo in data.held_out])
    owners = np.repeat(np.arange(len(rows)), [len(photo.captions) for photo in data.held_out])
    texts = model.text_head(torch.from_numpy(data.texts[captions]).to(device))
    return recall_at(images, texts, torch.from_numpy(owners).to(device), (1, 5))
