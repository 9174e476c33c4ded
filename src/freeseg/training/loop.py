"""The loop that trains a teacher and a network alike.

It counts the steps, sets the learning rates (warm-up, then a cosine), stops at a loss that is not finite, writes
checkpoints and resumes a training that was stopped. What is trained, and on what, is a `Task`.

Several processes may share a training (see `processes`), and a training goes on with any number of them.

A training that was killed and started again ends at the same weights as one that was never stopped, bit for bit: what a
step draws depends on the seed and the step alone, and no checkpoint is written while an update is under way.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from freeseg.bounds import check_value
from freeseg.errors import FreeSegError, reason, shortened
from freeseg.training import processes, state

Batch = TypeVar("Batch")
Losses = dict[str, float]  # the losses of one step, by name


class StepReport(NamedTuple):
    """Where a training is after a step.

    Attributes:
        step: How many steps are done.
        steps: How many there are in all.
        losses: The losses of the step, weighted; their sum is what is minimised.
        metrics: What was measured on held-out photos after the last epoch; empty during the first one.
    """

    step: int
    steps: int
    losses: Losses
    metrics: Mapping[str, float] = {}


OnStep = Callable[[StepReport], None]


class Task(Protocol[Batch]):
    """What is trained: all in which a teacher and a network differ.

    Attributes:
        settings: All that decides the result, by name. A training goes on only with the same settings.
        device: Where the weights are.
        optimiser: Of the weights that are trained.
        learning_rates: The highest rate of each of the optimiser's parameter groups.
        epochs, steps_per_epoch: How long it trains.
    """

    settings: Mapping[str, object]
    device: torch.device
    optimiser: torch.optim.Optimizer
    learning_rates: Sequence[float]
    epochs: int
    steps_per_epoch: int

    @property
    def metrics(self) -> Mapping[str, float]:
        """What was measured on held-out photos last."""

    def batches(self, first: int) -> Iterable[Batch]:
        """The batches of all steps from `first` to the last."""

    def losses(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The losses of a batch, weighted, as scalars. Of several processes, the mean of theirs is the batch's."""

    def backward(self, loss: Tensor) -> Tensor | None:
        """Compute the gradients, the same in all processes.

        It gives their norm, or None where one that is not finite does no harm.
        """

    def update(self, step: int) -> None:
        """Change the weights by the gradients."""

    def after_epoch(self, step: int, history: Sequence[Losses]) -> None:
        """Measure. It may be called again for the same epoch, when a training was stopped meanwhile."""

    def state(self) -> Mapping[str, object]:
        """What a checkpoint holds besides step and losses."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint holds."""


class Loop(Generic[Batch]):
    """The state of one training: its task, the step, and the losses so far.

    Args:
        task: What is trained.
        run: Folder for the checkpoint.
        warm_up: Steps in which the learning rate rises.
        checkpoint_seconds: How often a checkpoint is written, besides after each epoch and at the end.
    """

    def __init__(self, task: Task[Batch], run: Path, *, warm_up: int, checkpoint_seconds: float = 60.0):
        self.task, self.run, self.warm_up = task, run, warm_up
        self.checkpoint_seconds = checkpoint_seconds
        self.steps = task.epochs * task.steps_per_epoch
        self.step = 0
        self.history: list[Losses] = []
        self._updating = False  # True while the weights belong to no step
        self._saved = time.monotonic()

    def fit(self, report: OnStep = lambda step: None) -> None:
        """Train to the end, from where the run was stopped.

        Args:
            report: Called after every step.

        Raises:
            FreeSegError: The run holds a training with other settings, a loss or gradient is not finite, or the
                processes that share the training do not see the same folder.
        """
        self.resume()
        if not processes.is_same(self.step, self.task.device):
            raise FreeSegError(
                f"{self.run} is not the same for all processes of this training; choose an --out that all machines see"
            )
        try:
            if self.step:  # it may have been stopped before all that follows a step was done
                self._after_step(report)
            for batch in self.task.batches(self.step):
                self._update(batch)
                self._after_step(report)
        finally:
            if not self._updating:
                self.save()

    def save(self) -> None:
        """Write the checkpoint atomically; the first of several processes does."""
        if processes.index() == 0:
            progress = {"step": self.step, "history": self.history}
            state.write(self.run, self.task.settings, {**self.task.state(), **progress})
        self._saved = time.monotonic()

    def resume(self) -> None:
        """Load the checkpoint of a training that was stopped, if there is one.

        Raises:
            FreeSegError: It has other settings, which the message names; or it is damaged.
        """
        found = state.read(self.run, self.task.settings, self.task.device)
        if found is None:
            return
        step, history = found.get("step"), found.get("history", [])  # FreeSeg 0.1.0's teachers had none
        if type(step) is not int or not 0 <= step <= self.steps:
            raise state.damaged(self.run, f"its step is {shortened(step)}, not one of 0 to {self.steps}")
        try:
            check_value("history", history, list[dict[str, float]])
        except FreeSegError as error:
            raise state.damaged(self.run, str(error)) from error
        try:
            self.task.load_state(found)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise state.damaged(self.run, f"it does not fit this training: {reason(error)}") from error
        if not _is_finite(self.task.state()):
            raise state.damaged(self.run, "it has values that are no numbers")
        self.step, self.history = step, history

    def _update(self, batch: Batch) -> None:
        task, step = self.task, self.step
        warm_up = min(1.0, (step + 1) / self.warm_up)
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        for group, rate in zip(task.optimiser.param_groups, task.learning_rates, strict=True):
            group["lr"] = rate * warm_up * cosine
        losses = task.losses(batch, step)
        loss = reduce(torch.add, losses.values())
        total, *values = processes.mean([loss, *losses.values()])
        self._require_finite("loss", total)
        task.optimiser.zero_grad()
        gradient = task.backward(loss)
        self._require_finite("gradient", 0.0 if gradient is None else gradient.item())
        self._updating = True  # a Ctrl-C from here on must not save the weights
        task.update(step)
        self.history.append(dict(zip(losses, values, strict=True)))
        self.step += 1
        self._updating = False

    def _after_step(self, report: OnStep) -> None:
        epoch_ends = self.step % self.task.steps_per_epoch == 0
        if epoch_ends:
            self.task.after_epoch(self.step, self.history)
        report(StepReport(self.step, self.steps, self.history[-1] if self.history else {}, self.task.metrics))
        if epoch_ends or time.monotonic() - self._saved > self.checkpoint_seconds:
            self.save()

    def _require_finite(self, what: str, value: float) -> None:
        """Stop before a value that is not finite gets into the weights."""
        if not math.isfinite(value):
            raise FreeSegError(
                f"the {what} is {value} at step {self.step}; lower --learning-rate and choose another --out "
                f"(the last good state stays in {self.run})"
            )


def _is_finite(value: object) -> bool:
    """Whether all tensors in a state have numbers."""
    if isinstance(value, Tensor):
        return bool(torch.isfinite(value).all())
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return all(map(_is_finite, inner))


def report_part(report: OnStep, index: int, parts: int) -> OnStep:
    """Report one of several trainings of the same length as a part of all of them.

    Example:
        >>> report_part(print, 1, 2)(StepReport(3, 10, {}))
        StepReport(step=13, steps=20, losses={}, metrics={})
    """
    return lambda part: report(part._replace(step=index * part.steps + part.step, steps=parts * part.steps))
