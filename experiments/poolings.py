"""The pooling ablation: every pooling in the same settings, several seeds, one table.

    python experiments/poolings.py DATA... --voc VOC_FOLDER --work FOLDER --table docs/ablation.md

Same photos, steps, batches and seeds; only the pooling differs. Every run is kept in `--work`, so the
command can be stopped and goes on where it was. Smoothing and refinement of the maps are off.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated

import torch
import typer
from torch import Tensor

from freeseg.cli.progress import progress
from freeseg.data import open_sources
from freeseg.data.segmentation import VocFolder
from freeseg.evaluation import voc
from freeseg.files import write_json, write_text
from freeseg.masks import Decision
from freeseg.models import lite
from freeseg.models.checkpoint import Config
from freeseg.models.efficientnet import EfficientNetLite
from freeseg.models.iclip import ICLIP
from freeseg.models.weights import EFFICIENTNET_LITE, MINILM
from freeseg.pipeline import FreeSeg
from freeseg.training import features
from freeseg.training.pretrain import Recipe, pretrain
from freeseg.training.words import NOUNS, training_words
from freeseg.vocabularies import vocabulary

TOWER = "efficientnet-lite2"
BASE = Recipe(attention="none", precision="bf16")
FEATURES = {"where": "features", "tau": 1.0}
SIMILARITIES = {"where": "similarities", "tau": 0.5}
ATTENTION = {"attention": "energy"}
POOLINGS: dict[str, dict[str, object]] = {
    "smoothed min of similarities": {"pooling": "smoothed-min", **SIMILARITIES, **ATTENTION},
    "mean of features": {"pooling": "mean", **FEATURES},
    "mean of similarities": {"pooling": "mean", **SIMILARITIES},
    "masked max of features (ICLIP)": {"pooling": "masked-max", **FEATURES, **ATTENTION},
    "masked max of similarities": {"pooling": "masked-max", **SIMILARITIES, **ATTENTION},
    "max of similarities": {"pooling": "max", **SIMILARITIES},
    "min of similarities": {"pooling": "min", **SIMILARITIES, **ATTENTION},
    "smoothed min of features": {"pooling": "smoothed-min", **FEATURES, **ATTENTION},
}
COLUMNS = ("VOC20 mIoU", "VOC21 mIoU", "mSC", "R@1", "R@5")


class RememberingTower(EfficientNetLite):
    """The image tower, which gives the features of a photo it has seen before without computing them again."""

    def __init__(self, tower: EfficientNetLite) -> None:
        super().__init__(2)
        self.load_state_dict(tower.state_dict())
        self.eval().requires_grad_(False)
        self.seen: dict[int, Tensor] = {}

    def features(self, pixels: Tensor) -> Tensor:
        """As the tower's own, float16 in memory."""
        key = hash(pixels.numpy(force=True).tobytes())
        if key not in self.seen:
            self.seen[key] = super().features(pixels).half()
        return self.seen[key].float()


def main(
    data: Annotated[list[str], typer.Argument(help="Caption folders, tars, folders of photos.")],
    voc_root: Annotated[Path, typer.Option("--voc", help="Folder in VOC's layout, to measure on.")],
    work: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("out/ablation"),
    cache: Annotated[Path, typer.Option(help="Folder of the feature cache.")] = Path(".cache/freeseg"),
    table: Annotated[Path | None, typer.Option(help="Markdown file to write.")] = None,
    seeds: int = 3,
    epochs: int = 4,
    only: Annotated[list[str] | None, typer.Option(help="Poolings to run, by name; all if left out.")] = None,
) -> None:
    """Train and measure every pooling in the same settings, and write the table."""
    model = lite.untrained(TOWER)
    stores = features.open_stores(model, cache, EFFICIENTNET_LITE[2].sha256, MINILM.sha256)
    with progress("photos") as photos, progress("captions") as captions:
        prepared = features.prepare(
            model, open_sources(data), stores, vocabulary(NOUNS), torch.device("cpu"), photos, captions
        )
    model.image_tower = RememberingTower(model.image_tower)
    words, dataset = training_words(model), VocFolder(voc_root)
    chosen = {name: change for name, change in POOLINGS.items() if not only or name in only}
    rows = {}
    for seed in range(seeds):  # seeds outside: a table stopped early compares all poolings
        for name, change in chosen.items():
            recipe = replace(BASE, epochs=epochs, seed=seed, **change)
            rows.setdefault(name, []).append(one(model, prepared, words, recipe, dataset, work))
            typer.echo(f"{name}, seed {seed}: {rows[name][-1]}")
        if table:
            write_text(table, markdown(rows, prepared.sources, len(dataset), replace(BASE, epochs=epochs)))
    typer.echo(markdown(rows, prepared.sources, len(dataset), replace(BASE, epochs=epochs)))


def one(model: ICLIP, prepared, words, recipe: Recipe, dataset: VocFolder, work: Path) -> dict[str, float]:
    """Train and measure once, or take the result of the run from `work`."""
    run = work / "_".join(str(getattr(recipe, key)) for key in ("pooling", "where", "tau", "attention", "smoothing"))
    run = run / f"epochs{recipe.epochs}-seed{recipe.seed}"
    result = run / "result.json"
    if result.is_file():
        return json.loads(result.read_text())
    numbers = pretrain(model, prepared, words, recipe, run)
    measured = FreeSeg(model, Config("ablation", TOWER, decision=replace(Decision(), smoothing=1, refine_steps=0)))
    scores = voc.evaluate(measured, dataset).numbers() | {key: round(100 * value, 1) for key, value in numbers.items()}
    write_json(result, scores)
    return scores


def markdown(rows: dict[str, list[dict[str, float]]], sources: dict[str, int], photos: int, base: Recipe) -> str:
    """The table: mean and standard deviation over seeds."""
    lines = [
        "# Which pooling?",
        "",
        "Written by `make ablation`; not edited by hand. Mean ± standard deviation over "
        f"seeds ({max(len(runs) for runs in rows.values())} so far), measured on {photos} photos of VOC 2012 val; "
        "retrieval on the held-out captions, text to image. "
        "The maps are taken as they are, neither smoothed nor refined.",
        "",
        f"Trained on: {', '.join(f'{name} ({count:,} photos)' for name, count in sources.items())}.",
        "",
        "Common settings: "
        + ", ".join(
            f"{key} {value}"
            for key, value in asdict(base).items()
            if key not in ("pooling", "where", "tau", "attention", "smoothing", "seed")
        )
        + ".",
        "",
        "| pooling | " + " | ".join(COLUMNS) + " |",
        "|---|" + "---|" * len(COLUMNS),
    ]
    for name, runs in rows.items():
        cells = []
        for column in COLUMNS:
            values = [run[column] for run in runs]
            cells.append(f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else ""))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
