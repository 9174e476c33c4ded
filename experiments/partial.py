"""The ablation of partial labels and partial pixels: networks with and without them, over several seeds, in one table.

    python experiments/partial.py MASKS --images PHOTOS --voc VOC_FOLDER --work FOLDER \\
        --table docs/benchmarks/ablation-network.md

Photos, steps, batches and seeds are the same; only the strategies differ. Every training is kept in `--work`, so the
command can be stopped and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from shared import Cache, RecipeChanges, Seeds, Table, VocRoot, identity, save_scores, saved_scores, table_over_seeds

import freeseg
from freeseg.cli.progress import progress
from freeseg.data.free_masks import FreeMasks, open_free_masks
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.evaluation import evaluate
from freeseg.evaluation.protocols import Protocol
from freeseg.files import write_text
from freeseg.pipeline import FreeSeg
from freeseg.training.network.devices import accelerator
from freeseg.training.network.labelled_photos import find_photos
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.rounds import NetworkTraining, train_rounds

ENCODER = "segmentation-lite2"
BASE_RECIPE = NetworkRecipe(epochs=1)
NO_LABELS: RecipeChanges = {"partial_labels": False}
# Hard pixels are clamped with the other bands, or not at all.
NO_PIXELS: RecipeChanges = {"partial_pixels": False, "clamp_from": 1.0}
VARIANTS: dict[str, tuple[RecipeChanges, int]] = {  # changes to the recipe, rounds of self-training
    "neither": ({**NO_LABELS, **NO_PIXELS}, 0),
    "no partial labels": (NO_LABELS, 0),
    "no partial pixels": (NO_PIXELS, 0),
    "both": ({}, 0),
    "both, for two epochs": ({"epochs": 2}, 0),  # as many steps as with self-training
    "both, and self-training": ({}, 1),
}
COLUMNS = ("VOC20 mIoU", "VOC21 mIoU", "mSC", "agreement")


def main(
    masks: Annotated[Path, typer.Argument(help="Folder that `freeseg label` wrote.")],
    images: Annotated[list[Path], typer.Option(help="Folders that hold the photos of the masks.")],
    voc_root: VocRoot,
    work: Annotated[Path, typer.Option(help="Folder for the runs, which are kept.")] = Path("out/ablation-network"),
    cache: Cache = Path(".cache/freeseg"),
    table: Table = None,
    seeds: Seeds = 3,
    count: Annotated[int, typer.Option(help="How many of the photos are used, evenly spread.")] = 1600,
) -> None:
    """Train and measure every variant in the same settings, and write the table."""
    free = open_free_masks(masks)
    chosen = np.unique(np.linspace(0, len(free.entries) - 1, min(count, len(free.entries))).astype(int))
    free = replace(free, entries=tuple(free.entries[index] for index in chosen))
    photos = find_photos(free, images)
    teacher = freeseg.load(free.place or free.entries[0].model, engine="torch")
    training = NetworkTraining(teacher, ENCODER, free, photos, cache, "experiment", accelerator("cpu"))
    sets = {name: open_dataset(name, voc_root) for name in ("voc20", "voc21")}
    measured = [item.name for item in sets["voc21"].items]
    of = identity(free.vocabulary, [entry.line() for entry in free.entries], measured)
    rows: dict[str, list[dict[str, float]]] = {"the teacher": [measure(training.teacher, sets)]}
    for seed in range(seeds):  # seeds outermost: a table that is stopped early compares all variants
        for name, (changes, self_training) in VARIANTS.items():
            recipe = replace(BASE_RECIPE, seed=seed, **changes)
            trained = name.partition(", and")[0].replace(",", "")  # self-training goes on from "both"
            folder = work / f"{trained.replace(' ', '-')}-seed{seed}"
            result = folder / f"result-{self_training}.json"
            scores = saved_scores(result, of)
            if scores is None:
                scores = train_and_measure(training, recipe, self_training, folder, sets)
                save_scores(result, scores, of)
            rows.setdefault(name, []).append(scores)
            typer.echo(f"{name}, seed {seed}: {rows[name][-1]}")
            if table:
                write_text(table, markdown(rows, free, len(measured)))
    typer.echo(markdown(rows, free, len(measured)))


def train_and_measure(
    training: NetworkTraining,
    recipe: NetworkRecipe,
    self_training: int,
    folder: Path,
    sets: Mapping[str, SegmentationData],
) -> dict[str, float]:
    """Train and measure once."""
    with progress("training") as update:
        network, metrics = train_rounds(
            training,
            recipe,
            folder,
            self_training=self_training,
            on_step=lambda done: update(done.step, done.steps, ""),
        )
    return measure(network, sets) | {"agreement": next(iter(metrics.values()))}


def measure(model: FreeSeg, sets: Mapping[str, SegmentationData]) -> dict[str, float]:
    """The mIoU on both sets, and mSC on voc21, where the background counts as outside."""
    scores: dict[str, float] = {}
    protocol = Protocol("freeseg")
    for name, data in sets.items():
        numbers = evaluate(model, data, protocol).numbers()
        scores |= {f"{name.upper()} mIoU": numbers["mIoU"].value, "mSC": numbers["mSC"].value}
    return {key: round(value, 1) for key, value in scores.items()}


def markdown(rows: dict[str, list[dict[str, float]]], masks: FreeMasks, measured: int) -> str:
    """The page: what was compared, and the table."""
    common = {key: value for key, value in asdict(BASE_RECIPE).items() if key not in _OF_VARIANT}
    captioned = sum(entry.known == "captions" for entry in masks.entries)
    lines = [
        "# Do partial labels and partial pixels pay?",
        "",
        "Written by `experiments/partial.py`; not edited by hand. Mean ± standard deviation over "
        f"{max(len(runs) for runs in rows.values())} seeds, measured on {measured} photos of VOC 2012 val. "
        "Agreement is the mIoU with the teacher's (after self-training: the network's own) confident pixels on photos "
        "kept aside.",
        "",
        f"Trained on {len(masks.entries):,} photos with free masks of {len(masks.vocabulary.names)} labels; captions "
        f"say which labels are in {captioned:,} of them, image-level presence in the others.",
        "",
        f"Common settings: {ENCODER}, {', '.join(f'{key} {value}' for key, value in common.items())}. "
        'Self-training goes on from "both": the network relabels its photos, and is trained for another epoch on the '
        'pixels that it labels as before; "both, for two epochs" sees as many photos without that.',
        "",
        *table_over_seeds("variant", COLUMNS, rows),
    ]
    return "\n".join(lines) + "\n"


_OF_VARIANT = ("partial_labels", "partial_pixels", "clamp_from", "seed")


if __name__ == "__main__":
    typer.run(main)
