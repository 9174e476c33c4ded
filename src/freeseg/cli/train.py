"""`freeseg train`: a segmentation network from free masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import Out
from freeseg.cli.recipe_options import recipe_options
from freeseg.cli.training import AutoDevice, AutoPrecision, Cache, Name, command_line, show_steps
from freeseg.models.towers import DEFAULT_NETWORK, describe_image_towers
from freeseg.training import CACHE
from freeseg.training.network.recipe import NetworkRecipe


@recipe_options(NetworkRecipe)
def train(
    *,
    images: Annotated[list[Path], typer.Option(help="Folder of the labelled photos; may be given several times.")],
    masks: Annotated[Path, typer.Option(help="Folder that `freeseg label` wrote.")],
    out: Out,
    encoder: Annotated[
        str, typer.Option(help=f"Encoder of the network: {describe_image_towers(trained=True)}.")
    ] = DEFAULT_NETWORK,
    teacher: Annotated[
        str, typer.Option(help="Model whose joint space the network shares; the one that made the masks if left out.")
    ] = "",
    name: Name = "",
    cache: Cache = CACHE,
    self_training: Annotated[
        int, typer.Option(min=0, help="Further rounds, in which the network relabels its photos and learns from that.")
    ] = 0,
    recipe: NetworkRecipe,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes that read photos; 0 reads them in the training's own.")
    ] = 0,
    precision: AutoPrecision = "auto",
    device: AutoDevice = "auto",
) -> None:
    """Train a segmentation network on free masks. Stop it whenever you like: the same command resumes.

    On several GPUs: accelerate launch -m freeseg train ...
    """
    from freeseg.cli.progress import progress
    from freeseg.training import network

    with progress("photos") as on_photos, progress("relabelling") as on_relabelled, progress("training") as update:
        config = network.run(
            masks,
            images,
            out,
            recipe=recipe,
            encoder=encoder,
            teacher=teacher,
            self_training=self_training,
            name=name,
            cache=cache,
            workers=workers,
            precision=precision,
            device=device,
            command=command_line(),
            on_note=lambda note: typer.echo(note, err=True),
            on_photos=on_photos,
            on_relabelled=on_relabelled,
            on_step=show_steps(update),
        )
    if config:  # of several processes, the first one reports
        typer.echo(f"{config.name} in {out}; {', '.join(f'{key} {value}' for key, value in config.metrics.items())}")
