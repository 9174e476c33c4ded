"""`freeseg pretrain`: a dense ICLIP from photos and captions."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from freeseg.cli.options import Device, Out


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
    image_tower: Annotated[str, typer.Option(help="efficientnet-lite0, -lite1 or -lite2.")] = "efficientnet-lite2",
    name: Annotated[str, typer.Option(help="What the model is called; the folder's name if left out.")] = "",
    pooling: Annotated[str, typer.Option(help="mean, max, masked-max, min, smoothed-min or softmax.")] = "smoothed-min",
    where: Annotated[str, typer.Option(help="What is pooled: features or similarities.")] = "similarities",
    tau: Annotated[float, typer.Option(help="Temperature of smoothed min and softmax pooling.")] = 0.5,
    attention: Annotated[str, typer.Option(help="Free attention: energy or none.")] = "energy",
    smoothing: Annotated[int, typer.Option(help="Side of the spatial average before the pooling; odd.")] = 1,
    hidden: Annotated[int, typer.Option(help="Hidden width of the image head; 0 for a linear one.")] = 0,
    captions: Annotated[int, typer.Option(help="Captions of each photo that a step sees.")] = 2,
    nouns: Annotated[float, typer.Option(help="Weight of the contrast with the captions' nouns.")] = 0.0,
    distill: Annotated[float, typer.Option(help="Weight of vocabulary distillation.")] = 1.0,
    distill_kinds: Annotated[float, typer.Option(help="The same on the kinds of the classes.")] = 0.0,
    epochs: int = 6,
    batch_size: int = 256,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.01,
    seed: int = 0,
    trainings: Annotated[int, typer.Option(help="Trainings with consecutive seeds whose heads are averaged.")] = 1,
    precision: Annotated[str, typer.Option(help="fp32, or bf16 where the processor has it.")] = "fp32",
    device: Device = "cpu",
) -> None:
    """Train a dense ICLIP. Stop it whenever you like: the same command goes on where it was."""
    import torch

    from freeseg.cli.progress import progress
    from freeseg.data import open_sources
    from freeseg.errors import FreeSegError
    from freeseg.models import checkpoint, lite
    from freeseg.models.weights import EFFICIENTNET_LITE, MINILM
    from freeseg.training import features
    from freeseg.training.pretrain import Moment, Recipe, pretrain_average
    from freeseg.training.words import NOUNS, training_words
    from freeseg.vocabularies import vocabulary

    recipe = Recipe(
        pooling=pooling,
        where=where,
        tau=tau,
        attention=attention,
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
        precision=precision,
    )
    if image_tower not in lite.IMAGE_TOWERS:
        raise FreeSegError(f"no image tower {image_tower!r}; there are: {', '.join(lite.IMAGE_TOWERS)}")
    sources = open_sources(data)
    photos = sum(len(source) for source in sources)
    model = lite.untrained(image_tower, hidden).to(device)
    hashes = (EFFICIENTNET_LITE[lite.IMAGE_TOWERS[image_tower]].sha256, MINILM.sha256)
    typer.echo(
        f"{photos:,} photos; their features take {features.expected_bytes(model, photos) / 1e9:.2f} GB in {cache}"
    )
    stores = features.open_stores(model, cache, *hashes)
    with progress("photos") as on_photos, progress("captions") as on_texts:
        prepared = features.prepare(
            model, sources, stores, vocabulary(NOUNS), torch.device(device), on_photos, on_texts
        )
    for reason in prepared.skipped:
        typer.echo(f"left out: {reason}", err=True)
    with progress("training") as update:

        def report(moment: Moment) -> None:
            held_out = " ".join(f"{key} {value:.3f}" for key, value in moment.retrieval.items())
            update(moment.step, moment.steps, f"loss {moment.loss:.3f} {held_out}")

        metrics = pretrain_average(model, prepared, training_words(model), recipe, out, trainings, report)
    record = {
        "recipe": asdict(recipe) | {"trainings": trainings},
        "sources": prepared.sources,
        "command": shlex.join(["freeseg", *sys.argv[1:]]),
        "versions": checkpoint.versions(),
    }
    held_out = {f"held-out text-to-image {key}": round(value, 3) for key, value in metrics.items()}
    config = checkpoint.Config(name or out.name, image_tower, hidden=hidden, training=record, metrics=held_out)
    checkpoint.save(model, config, out)
    typer.echo(f"{config.name} in {out}; {', '.join(f'{key} {value}' for key, value in held_out.items())}")
