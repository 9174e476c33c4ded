"""`freeseg train`: a segmentation network from free masks."""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.options import Out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from freeseg.data.free_masks import Entry
    from freeseg.training.network.trainer import StepReport

FIRST = 5  # steps after which the time is estimated


def train(
    images: Annotated[list[Path], typer.Option(help="Folder of the labelled photos; may be given several times.")],
    masks: Annotated[Path, typer.Option(help="Folder that `freeseg label` wrote.")],
    out: Out,
    encoder: Annotated[str, typer.Option(help="segmentation-lite0, 1 or 2: better and slower.")] = "segmentation-lite2",
    teacher: Annotated[str, typer.Option(help="In whose joint space; the model that made the masks if left out.")] = "",
    name: Annotated[str, typer.Option(help="What the network is called; the folder's name if left out.")] = "",
    cache: Annotated[Path, typer.Option(help="Folder for the teacher's features.")] = Path(".cache/freeseg"),
    partial_labels: Annotated[
        bool, typer.Option(help="Whether only labels known to be in a photo compete; else all do.")
    ] = True,
    partial_pixels: Annotated[
        bool, typer.Option(help="Whether only the most confident pixels supervise; else all do.")
    ] = True,
    foreground: Annotated[float, typer.Option(help="Share of each label's pixels that supervise.")] = 0.7,
    background: Annotated[float, typer.Option(help="The same of the background.")] = 0.7,
    clamp: Annotated[float, typer.Option(help="Largest loss of a pixel, late in the training.")] = 2.0,
    clamp_from: Annotated[float, typer.Option(help="When that begins, as a share of the training; 1: never.")] = 0.6,
    distill: Annotated[float, typer.Option(help="Weight of the distance to the teacher's patches.")] = 2.0,
    self_training: Annotated[int, typer.Option(min=0, help="Rounds in which the network relabels its photos.")] = 0,
    side: Annotated[int, typer.Option(help="Side of the crops, in pixels; a multiple of 32.")] = 224,
    frozen_stride: Annotated[
        int, typer.Option(help="The encoder stays as it is up to this stride; 0: none of it.")
    ] = 16,
    encoder_rate: Annotated[float, typer.Option(help="The encoder's learning rate, against the decoder's.")] = 0.2,
    ema: Annotated[float, typer.Option(help="Decay of the moving average of the weights.")] = 0.998,
    epochs: int = 2,
    batch_size: int = 16,
    learning_rate: float = 5e-4,
    weight_decay: float = 0.01,
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read photos; 0: none of their own.")] = 0,
    precision: Annotated[
        str, typer.Option(help="float32, or mixed with bfloat16 or float16; auto: what the GPU has.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto: a GPU where there is one; or cpu, cuda, mps.")] = "auto",
) -> None:
    """Train a segmentation network on free masks. Stop it whenever you like: the same command goes on where it was.

    Several GPUs: accelerate launch -m freeseg train ...
    """
    from dataclasses import asdict, replace

    import freeseg
    from freeseg.cli.progress import progress
    from freeseg.data.free_masks import open_free_masks
    from freeseg.errors import FreeSegError
    from freeseg.models import checkpoint
    from freeseg.models.towers import network_family
    from freeseg.training.network import photos as labelled
    from freeseg.training.network import rounds
    from freeseg.training.network.devices import accelerator
    from freeseg.training.network.recipe import NetworkRecipe

    recipe = NetworkRecipe(
        partial_labels=partial_labels,
        partial_pixels=partial_pixels,
        foreground=foreground,
        background=background,
        clamp=clamp,
        clamp_from=clamp_from,
        distill=distill,
        side=side,
        frozen_stride=frozen_stride,
        encoder_rate=encoder_rate,
        ema=ema,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        seed=seed,
    )
    network_family(encoder)  # a mistake in the name is told before the work
    free = open_free_masks(masks)
    if not free.entries:
        raise FreeSegError(f"{masks} has no photo with a mask; label some with `freeseg label`")
    found = labelled.find_photos(free, images)
    devices = accelerator(device, precision)
    if devices.is_main_process and (without := labelled.unlabelled(free, images, found)):
        typer.echo(f"{without:,} photos have no mask and are not used; `freeseg label` makes them one", err=True)
    made_by = free.entries[0].model
    learnt_from = freeseg.load(teacher or free.place or made_by, devices.device)
    if not teacher and free.weights not in ("", learnt_from.weights_sha256):
        raise FreeSegError(f"{free.place or made_by} is no longer the model that made the masks; name one by --teacher")
    job = rounds.NetworkTraining(
        learnt_from,
        encoder,
        free,
        found,
        cache,
        name or out.resolve().name,
        devices,
        workers,
    )
    with progress("photos") as on_photos, progress("relabelling") as on_relabelled, progress("training") as update:
        report = _report(update, self_training + 1)
        network, metrics = rounds.train(job, recipe, out, self_training, on_photos, on_relabelled, report)
    record = {
        "recipe": asdict(recipe) | {"self_training": self_training},
        "teacher": {job.teacher.config.name: job.teacher.config.weights_sha256},
        "masks": {"photos": len(free.entries), "labels": len(free.vocabulary.names), "model": made_by},
        "sources": _sources(free.entries),
        "command": shlex.join(["freeseg", *sys.argv[1:]]),
        "versions": checkpoint.versions(),
    }
    if devices.is_main_process:
        config = replace(network.config, training=record, metrics=metrics)
        checkpoint.save(network.model, config, out)
        typer.echo(f"{config.name} in {out}; {', '.join(f'{key} {value}' for key, value in metrics.items())}")


def _report(update: Callable[[int, int, str], None], rounds: int) -> Callable[[int, StepReport, float], None]:
    """Progress of all rounds as one, and how long it will take, said once at the start."""
    began: dict[str, float] = {}

    def report(number: int, moment: StepReport, agreed: float) -> None:
        first = began.setdefault("step", moment.step)
        start = began.setdefault("time", time.monotonic())
        if moment.step == first + FIRST and number == began.setdefault("round", number):
            left = moment.steps * (rounds - number) - moment.step
            minutes = math.ceil(left * (time.monotonic() - start) / FIRST / 60)
            typer.echo(f"{left:,} steps, about {minutes} minute{'s' if minutes > 1 else ''}", err=True)
        losses = ", ".join(f"{name} {loss:.3f}" for name, loss in moment.losses.items())
        known = "" if math.isnan(agreed) else f", agreement {agreed:.1f}"
        update(number * moment.steps + moment.step, rounds * moment.steps, losses + known)

    return report


def _sources(entries: Sequence[Entry]) -> dict[str, int]:
    return dict(Counter(entry.source for entry in entries))
