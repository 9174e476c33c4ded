"""The pooling ablation: every pooling in the same settings, over several seeds, in one table.

    python experiments/poolings.py DATA... --voc VOC_FOLDER --work FOLDER --table docs/benchmarks/ablation.md

Same photos, steps, batches and seeds; only the pooling differs. Every run is kept in `--work`, so the
command can be stopped and goes on where it was. Smoothing and refinement of the maps are off.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from shared import (
    ATTENTION,
    BASE_RECIPE,
    FEATURES,
    RAW_DECISION,
    SIMILARITIES,
    TOWER,
    Cache,
    Data,
    RecipeChanges,
    Seeds,
    Table,
    TeacherExperiment,
    VocRoot,
    Work,
    save_scores,
    saved_scores,
    table_over_seeds,
)

from freeseg.files import write_text
from freeseg.training.teacher.recipe import TeacherRecipe

SMOOTHED = {"pooling": "smoothed-min", **SIMILARITIES, **ATTENTION}
POOLINGS: dict[str, RecipeChanges] = {
    "smoothed min of similarities": SMOOTHED,
    "mean of features": {"pooling": "mean", **FEATURES},
    "mean of similarities": {"pooling": "mean", **SIMILARITIES},
    "masked max of features (ICLIP)": {"pooling": "masked-max", **FEATURES, **ATTENTION},
    "masked max of similarities": {"pooling": "masked-max", **SIMILARITIES, **ATTENTION},
    "max of similarities": {"pooling": "max", **SIMILARITIES},
    "min of similarities": {"pooling": "min", **SIMILARITIES, **ATTENTION},
    "smoothed min of features": {"pooling": "smoothed-min", **FEATURES, **ATTENTION},
    # Another form of smoothed min: patches are averaged with their neighbours before the minimum.
    "smoothed min of similarities, 3x3 first": SMOOTHED | {"smoothing": 3},
}
COLUMNS = ("VOC20 mIoU", "VOC21 mIoU", "mSC", "R@1", "R@5")


def main(
    data: Data,
    voc_root: VocRoot,
    work: Work = Path("out/ablation"),
    cache: Cache = Path(".cache/freeseg"),
    table: Table = None,
    seeds: Seeds = 3,
    only: Annotated[list[str] | None, typer.Option(help="Poolings to compare, by name; all if left out.")] = None,
) -> None:
    """Train and measure every pooling in the same settings, and write the table."""
    experiment = TeacherExperiment.open(data, voc_root, work, cache)
    chosen = {name: change for name, change in POOLINGS.items() if not only or name in only}
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):  # seeds outermost: a table that is stopped early compares all poolings
        for name, change in chosen.items():
            rows.setdefault(name, []).append(train_and_measure(experiment, replace(BASE_RECIPE, seed=seed, **change)))
            typer.echo(f"{name}, seed {seed}: {rows[name][-1]}")
        if table:
            write_text(table, markdown(experiment, rows))
    typer.echo(markdown(experiment, rows))


def train_and_measure(experiment: TeacherExperiment, recipe: TeacherRecipe) -> dict[str, float]:
    """Train and measure once, or read the scores that an earlier run saved."""
    result = experiment.folder(recipe) / "result.json"
    if (known := saved_scores(result, experiment.identity)) is not None:
        return known
    scores = {key: 100 * value for key, value in experiment.train(recipe).items()}
    for name in experiment.sets:
        numbers = experiment.measure(name, experiment.model, RAW_DECISION).numbers()
        # mSC is that of the last set, where the background counts as outside
        scores |= {f"{name.upper()} mIoU": numbers["mIoU"].value, "mSC": numbers["mSC"].value}
    scores = {key: round(value, 1) for key, value in scores.items()}
    save_scores(result, scores, experiment.identity)
    return scores


def markdown(experiment: TeacherExperiment, rows: dict[str, list[dict[str, float]]]) -> str:
    """The page: what was compared, and the table."""
    photos = len(experiment.sets["voc21"].items)
    common = {key: value for key, value in asdict(BASE_RECIPE).items() if key not in _OF_POOLING}
    lines = [
        "# Which pooling?",
        "",
        "Written by `make ablation`; not edited by hand. Mean ± standard deviation over "
        f"{max(len(runs) for runs in rows.values())} seeds, measured on {photos} photos of VOC 2012 val; "
        "retrieval on the held-out captions, text to image. "
        "The maps are neither smoothed nor refined; the presence rule and the background's margin (0.03) decide. "
        "results.md has the same poolings without these two, so its numbers are lower.",
        "",
        f"Trained on: {experiment.sources_line()}.",
        "",
        f"Common settings: tower {TOWER}, {', '.join(f'{key} {value}' for key, value in common.items())}. "
        "On similarities tau is 0.5 and on features 1.0 unless the row says otherwise.",
        "",
        *table_over_seeds("pooling", COLUMNS, rows),
    ]
    return "\n".join(lines) + "\n"


_OF_POOLING = ("pooling", "where", "tau", "attention", "smoothing", "seed")


if __name__ == "__main__":
    typer.run(main)
