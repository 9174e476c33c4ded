"""`freeseg pretrain`: a dense ICLIP from photos and captions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from freeseg.cli.options import Device, Mode, Out, Revision
from freeseg.cli.recipe_options import field_help, recipe_options
from freeseg.cli.training import Cache, Name, command_line, show_steps
from freeseg.models.towers import DEFAULT_IMAGE_TOWER, DEFAULT_TEXT_TOWER, describe_image_towers
from freeseg.training import CACHE
from freeseg.training.teacher.recipe import ATTENTIONS, TeacherRecipe


@recipe_options(TeacherRecipe, without=("attention", "precision"))
def pretrain(
    *,
    data: Annotated[
        list[str],
        typer.Argument(
            help="Caption folders (captions.jsonl + images), webdataset tars, or folders of photos without captions.",
            show_default=False,
        ),
    ],
    out: Out,
    image_tower: Annotated[str, typer.Option(help=f"{describe_image_towers(trained=False)}.")] = DEFAULT_IMAGE_TOWER,
    text_tower: Annotated[
        str,
        typer.Option(help=f"The image tower's own if left out, or {DEFAULT_TEXT_TOWER} where it has none."),
    ] = "",
    revision: Revision = None,
    mode: Mode = None,
    attention: Annotated[
        str,
        typer.Option(
            help="What weighs the patches: energy of the features, none, or the name of a DINOv2 or DINO, whose class "
            "token does. auto: energy for an image tower with a label space of its own, none for others."
        ),
    ] = TeacherRecipe.attention,
    hidden: Annotated[int, typer.Option(min=0, help="Hidden width of the image head; 0 for a linear one.")] = 0,
    name: Name = "",
    cache: Cache = CACHE,
    recipe: TeacherRecipe,
    trainings: Annotated[
        int, typer.Option(min=1, help="Trainings with consecutive seeds whose heads are averaged.")
    ] = 1,
    precision: Annotated[
        str, typer.Option(help=f"float32 or bfloat16. {field_help(TeacherRecipe).get('precision', '')}")
    ] = TeacherRecipe.precision,
    device: Device = "cpu",
) -> None:
    """Train a dense ICLIP on photos and captions. Stop it whenever you like: the same command resumes."""
    from freeseg.cli.progress import progress
    from freeseg.models.devices import canonical_precision
    from freeseg.training import teacher

    kind, attention_tower = (attention, "") if attention in ATTENTIONS else ("class", attention)
    own: dict[str, Any] = {"attention": kind, "precision": canonical_precision(precision)}
    with progress("photos") as on_photos, progress("captions") as on_captions, progress("training") as update:
        config = teacher.run(
            data,
            out,
            recipe=replace(recipe, **own),
            image_tower=image_tower,
            text_tower=text_tower,
            revision=revision or "",
            mode=mode or "",
            attention_tower=attention_tower,
            hidden=hidden,
            trainings=trainings,
            name=name,
            cache=cache,
            device=device,
            command=command_line(),
            on_note=typer.echo,
            on_skipped=lambda reason: typer.echo(f"left out: {reason}", err=True),
            on_photos=on_photos,
            on_captions=on_captions,
            on_step=show_steps(update),
        )
    typer.echo(f"{config.name} in {out}; {', '.join(f'{key} {value}' for key, value in config.metrics.items())}")
