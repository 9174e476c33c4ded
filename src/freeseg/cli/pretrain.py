"""`freeseg pretrain`: a dense ICLIP from photos and captions."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import Device, Mode, Out, Revision


def pretrain(
    data: Annotated[
        list[str],
        typer.Argument(
            help="Caption folders (captions.jsonl + images), webdataset tars, or folders of photos without captions.",
            show_default=False,
        ),
    ],
    out: Out,
    cache: Annotated[Path, typer.Option(help="Folder for the features of the frozen towers.")] = Path(".cache/freeseg"),
    image_tower: Annotated[
        str, typer.Option(help="efficientnet-lite0, 1 or 2; with -multilevel behind it, earlier maps of it as well.")
    ] = "efficientnet-lite2-multilevel",
    encoder: Annotated[
        str, typer.Option(help="A CLIP, SigLIP or DINOv2 instead: a folder, or a name on huggingface.co.")
    ] = "",
    text_encoder: Annotated[
        str, typer.Option(help="Text tower; the encoder's own if left out, or all-minilm-l6-v2 where it has none.")
    ] = "",
    revision: Revision = None,
    mode: Mode = None,
    name: Annotated[str, typer.Option(help="What the model is called; the folder's name if left out.")] = "",
    pooling: Annotated[str, typer.Option(help="mean, max, masked-max, min, smoothed-min or softmax.")] = "smoothed-min",
    where: Annotated[str, typer.Option(help="What is pooled: features or similarities.")] = "similarities",
    tau: Annotated[float, typer.Option(help="Temperature of smoothed min and softmax pooling.")] = 0.5,
    attention: Annotated[
        str, typer.Option(help="Free attention: energy, none, or a DINOv2's or DINO's name; none for an --encoder.")
    ] = "",
    smoothing: Annotated[int, typer.Option(help="Side of the spatial average before the pooling; odd.")] = 1,
    hidden: Annotated[int, typer.Option(min=0, help="Hidden width of the image head; 0 for a linear one.")] = 0,
    captions: Annotated[int, typer.Option(help="Captions of each photo that a step sees.")] = 2,
    nouns: Annotated[float, typer.Option(help="Weight of the contrast with the captions' nouns.")] = 0.0,
    distill: Annotated[float, typer.Option(help="Weight of vocabulary distillation.")] = 1.0,
    distill_kinds: Annotated[float, typer.Option(help="The same on the kinds of the classes.")] = 0.0,
    epochs: int = 6,
    batch_size: int = 256,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.01,
    seed: int = 0,
    trainings: Annotated[
        int, typer.Option(min=1, help="Trainings with consecutive seeds whose heads are averaged.")
    ] = 1,
    precision: Annotated[str, typer.Option(help="float32, or bfloat16 where the processor has it.")] = "float32",
    device: Device = "cpu",
) -> None:
    """Train a dense ICLIP. Stop it whenever you like: the same command goes on where it was."""
    import torch

    from freeseg.cli.progress import progress
    from freeseg.data import open_sources
    from freeseg.models import checkpoint, towers
    from freeseg.models.devices import canonical_precision, require_device
    from freeseg.models.iclip import Classifier
    from freeseg.training import features
    from freeseg.training.teacher.recipe import TeacherRecipe
    from freeseg.training.teacher.trainer import StepReport, pretrain_average
    from freeseg.training.teacher.words import NOUNS, training_words
    from freeseg.words import vocabulary

    kind, watched = _attention(attention, encoder)
    recipe = TeacherRecipe(
        pooling=pooling,
        where=where,
        tau=tau,
        attention=kind,
        smoothing=smoothing,
        captions=captions,
        nouns=nouns,
        distill=distill,
        distill_kinds=distill_kinds,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        seed=seed,
        precision=canonical_precision(precision),
    )
    sources = open_sources(data, without=out)
    photos = sum(len(source) for source in sources)
    pair = towers.resolve(encoder or image_tower, text=text_encoder, mode=mode or "", revision=revision or "")
    model = towers.untrained(pair, hidden=hidden).to(require_device(device))
    if not isinstance(model.image_tower, Classifier) and (recipe.distill or recipe.distill_kinds):
        typer.echo(f"{pair.image} has no label space: trained without vocabulary distillation (--distill 0)")
        recipe = replace(recipe, distill=0.0, distill_kinds=0.0)
    typer.echo(
        f"{photos:,} photos; their features take {features.expected_bytes(model, photos) / 1e9:.2f} GB in {cache}"
    )
    identities = towers.identities(pair)
    frozen = dict(zip(("image tower", "text tower"), identities, strict=True))
    stores = features.open_stores(model, cache, *identities)
    watcher = None
    if watched:
        family = towers.family_of(watched)
        frozen["attention tower"] = family.sha256(watched)
        watcher = features.open_attention(cache, family.open_attention(watched), frozen["attention tower"])
    with progress("photos") as on_photos, progress("captions") as on_texts:
        prepared = features.prepare(
            model, sources, stores, vocabulary(NOUNS), torch.device(device), on_photos, on_texts, watcher
        )
    for reason in prepared.skipped:
        typer.echo(f"left out: {reason}", err=True)
    with progress("training") as update:

        def report(moment: StepReport) -> None:
            held_out = " ".join(f"{key} {value:.3f}" for key, value in moment.retrieval.items())
            update(moment.step, moment.steps, f"loss {moment.loss:.3f} {held_out}")

        metrics = pretrain_average(model, prepared, training_words(model), recipe, out, trainings, report, frozen)
    record = {
        "recipe": asdict(recipe) | {"trainings": trainings},
        **({"attention": {watched: frozen["attention tower"]}} if watched else {}),
        "sources": prepared.sources,
        "command": shlex.join(["freeseg", *sys.argv[1:]]),
        "versions": checkpoint.versions(),
    }
    held_out = {f"held-out text-to-image {key}": round(value, 3) for key, value in metrics.items()}
    name = name or out.resolve().name
    config = checkpoint.new_config(name, pair, model, hidden=hidden, training=record, metrics=held_out)
    checkpoint.save(model, config, out)
    typer.echo(f"{config.name} in {out}; {', '.join(f'{key} {value}' for key, value in held_out.items())}")


def _attention(asked: str, encoder: str) -> tuple[str, str]:
    """The kind of free attention, and the tower that gives it where it is one of its own."""
    if not asked:
        return ("none" if encoder else "energy"), ""
    return (asked, "") if asked in ("energy", "none") else ("class", asked)
