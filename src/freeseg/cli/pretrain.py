"""`freeseg pretrain`: a dense ICLIP from photos and captions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.options import Device, Mode, ModelOptions, Out, Revision, Sources
from freeseg.cli.output import say
from freeseg.cli.training import Cache, Name, command_line, is_first, show_steps
from freeseg.models.towers import DEFAULT_IMAGE_TOWER, DEFAULT_TEXT_TOWER, describe_image_towers
from freeseg.training import CACHE
from freeseg.training.teacher.recipe import ATTENTIONS, TeacherRecipe


def pretrain(
    sources: Sources,
    *,
    out: Out,
    image_tower: Annotated[
        str, typer.Option(help=f"Image tower, which stays frozen: {describe_image_towers(trained=False)}.")
    ] = DEFAULT_IMAGE_TOWER,
    text_tower: Annotated[
        str | None,
        typer.Option(
            help=f"Text tower, which stays frozen. [default: the image tower's own, or {DEFAULT_TEXT_TOWER} where it "
            "has none]"
        ),
    ] = None,
    revision: Revision = None,
    mode: Mode = None,
    attention: Annotated[
        str,
        typer.Option(
            help="What decides how much each patch counts: energy (of the features), none, or the name of a DINOv2 or "
            "DINO (its class token). auto: energy for an image tower with a label space of its own, none for others."
        ),
    ] = TeacherRecipe.attention,
    hidden: Annotated[
        int, typer.Option(min=0, max=65_536, help="Width of the image head's hidden layer. 0 makes the head linear.")
    ] = 0,
    name: Name = None,
    cache: Cache = CACHE,
    recipe: Annotated[TeacherRecipe, Without(("attention",))],
    trainings: Annotated[
        int,
        typer.Option(
            min=1, max=1_000, help="How many trainings, with consecutive seeds, are run. Their heads are averaged."
        ),
    ] = 1,
    device: Device = ModelOptions.device,
) -> None:
    """Train a teacher, a dense ICLIP, on photos with captions.

    If the command is stopped, running it again continues where it stopped. To train on several GPUs, put
    "torchrun --nproc-per-node GPUS -m" or "accelerate launch -m" before the command. What is learned is the same.

    Examples:
        freeseg pretrain captioned --out my-teacher --epochs 4
        freeseg pretrain captioned --out my-clip --image-tower openai/clip-vit-base-patch16  # needs a network
    """
    from freeseg.cli.progress import progress
    from freeseg.training import teacher

    kind, attention_tower = (attention, "") if attention in ATTENTIONS else ("class", attention)
    own: dict[str, Any] = {"attention": kind}
    quiet = not is_first()
    with (
        progress("photos", quiet=quiet) as on_photos,
        progress("captions", quiet=quiet) as on_captions,
        progress("training", quiet=quiet) as update,
    ):
        config = teacher.run(
            sources,
            out,
            recipe=replace(recipe, **own),
            image_tower=image_tower,
            text_tower=text_tower or "",
            revision=revision or "",
            mode=mode or "",
            attention_tower=attention_tower,
            hidden=hidden,
            trainings=trainings,
            name=name or "",
            cache=cache,
            device=device,
            command=command_line(),
            on_note=say,
            on_skipped=lambda reason: say(f"left out: {reason}", err=True),
            on_photos=on_photos,
            on_captions=on_captions,
            on_step=show_steps(update),
        )
    if config:  # of several processes, the first one reports
        say(f"{config.name} in {out}; {', '.join(f'{key} {value}' for key, value in config.metrics.items())}")
