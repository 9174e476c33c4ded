"""`freeseg train`: a segmentation network from free masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from freeseg.cli.many import place
from freeseg.cli.options import Out, Readers
from freeseg.cli.output import say
from freeseg.cli.training import Cache, Name, command_line, is_first, show_steps
from freeseg.models.precisions import OTHER_NAMES, PrecisionName
from freeseg.models.towers import DEFAULT_NETWORK, describe_image_towers
from freeseg.training import CACHE
from freeseg.training.network.recipe import NetworkRecipe


def train(
    *,
    masks: Annotated[Path, typer.Option(help="Folder of free masks, which freeseg label wrote.")],
    out: Out,
    images: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of the labelled photos. Repeat the option for several folders. Masks in Parquet files know "
            "where their photos are.",
            show_default=False,
        ),
    ] = None,
    encoder: Annotated[
        str, typer.Option(help=f"Encoder of the network: {describe_image_towers(trained=True)}.")
    ] = DEFAULT_NETWORK,
    teacher: Annotated[
        str | None,
        typer.Option(help="Model whose joint space the network learns. [default: the one that made the masks]"),
    ] = None,
    name: Name = None,
    cache: Cache = CACHE,
    self_training: Annotated[
        int,
        typer.Option(
            min=0,
            max=1_000,
            help="How many more rounds to train, in each of which the network first relabels its photos.",
        ),
    ] = 0,
    recipe: NetworkRecipe,
    readers: Readers = 0,
    precision: Annotated[
        Literal["auto"] | PrecisionName,
        OTHER_NAMES,
        typer.Option(
            help="Number format of the computation. auto takes bfloat16 on a GPU that supports it, otherwise float32."
        ),
    ] = "auto",
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"],
        typer.Option(help="Device to compute on. auto takes a GPU if there is one, otherwise the CPU."),
    ] = "auto",
) -> None:
    """Train a segmentation network on free masks.

    If the command is stopped, running it again continues where it stopped. To train on several GPUs, put
    "torchrun --nproc-per-node GPUS -m" or "accelerate launch -m" before the command. What is learned is the same.

    Examples:
        freeseg train --images photos --masks masks --out mine
        freeseg train --images photos --masks masks --out better --epochs 4 --self-training 1
    """
    from freeseg.cli.progress import progress
    from freeseg.errors import DataError
    from freeseg.places import is_remote
    from freeseg.training import network

    if is_remote(place(masks)):
        raise DataError(f"free masks are not read from a store, as {place(masks)} is; copy them to a folder")
    quiet = not is_first()
    with (
        progress("photos", quiet=quiet) as on_photos,
        progress("relabelling", quiet=quiet) as on_relabelled,
        progress("training", quiet=quiet) as update,
    ):
        config = network.run(
            masks,
            images or [],
            out,
            recipe=recipe,
            encoder=encoder,
            teacher=teacher or "",
            self_training=self_training,
            name=name or "",
            cache=cache,
            workers=readers,
            precision=precision,
            device=device,
            command=command_line(),
            on_note=lambda note: say(note, err=True),
            on_photos=on_photos,
            on_relabelled=on_relabelled,
            on_step=show_steps(update),
        )
    if config:  # of several processes, the first one reports
        say(f"{config.name} in {out}; {', '.join(f'{key} {value}' for key, value in config.metrics.items())}")
