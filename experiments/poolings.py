"""The pooling ablation: every pooling in the same settings, several seeds, one table.

    python experiments/poolings.py DATA... --voc VOC_FOLDER --work FOLDER --table docs/benchmarks/ablation.md

Same photos, steps, batches and seeds; only the pooling differs. Every run is kept in `--work`, so the
command can be stopped and goes on where it was. Smoothing and refinement of the maps are off.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from setting import (
    ATTENTION,
    BASE,
    FEATURES,
    RAW,
    SIMILARITIES,
    TOWER,
    Cache,
    Change,
    Data,
    Setting,
    Table,
    VocRoot,
    Work,
    keep,
    kept,
    over_seeds,
)

from freeseg.evaluation.report.markdown_table import table as markdown_table
from freeseg.files import write_text
from freeseg.training.teacher.recipe import TeacherRecipe

SMOOTHED = {"pooling": "smoothed-min", **SIMILARITIES, **ATTENTION}
POOLINGS: dict[str, Change] = {
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
    seeds: int = 3,
    only: Annotated[list[str] | None, typer.Option(help="Poolings to run, by name; all if left out.")] = None,
) -> None:
    """Train and measure every pooling in the same settings, and write the table."""
    setting = Setting.open(data, voc_root, work, cache)
    chosen = {name: change for name, change in POOLINGS.items() if not only or name in only}
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):  # seeds outside: a table stopped early compares all poolings
        for name, change in chosen.items():
            rows.setdefault(name, []).append(one(setting, replace(BASE, seed=seed, **change)))
            typer.echo(f"{name}, seed {seed}: {rows[name][-1]}")
        if table:
            write_text(table, markdown(setting, rows))
    typer.echo(markdown(setting, rows))


def one(setting: Setting, recipe: TeacherRecipe) -> dict[str, float]:
    """Train and measure once, or take the result of the run from the work folder."""
    result = setting.folder(recipe) / "result.json"
    if (known := kept(result, setting.identity)) is not None:
        return known
    scores = {key: 100 * value for key, value in setting.train(recipe).items()}
    for name in setting.sets:
        numbers = setting.measure(name, setting.model, RAW).numbers()
        # mSC is that of the last set, where the background counts as outside
        scores |= {f"{name.upper()} mIoU": numbers["mIoU"].value, "mSC": numbers["mSC"].value}
    scores = {key: round(value, 1) for key, value in scores.items()}
    keep(result, scores, setting.identity)
    return scores


def markdown(setting: Setting, rows: dict[str, list[dict[str, float]]]) -> str:
    """The table: mean and standard deviation over seeds."""
    photos = len(setting.sets["voc21"].items)
    common = {key: value for key, value in asdict(BASE).items() if key not in _OF_POOLING}
    lines = [
        "# Which pooling?",
        "",
        "Written by `make ablation`; not edited by hand. Mean ± standard deviation over "
        f"{max(len(runs) for runs in rows.values())} seeds, measured on {photos} photos of VOC 2012 val; "
        "retrieval on the held-out captions, text to image. "
        "The maps are neither smoothed nor refined; the presence rule and the background's margin (0.03) decide. "
        "results.md has the same poolings without these two, so its numbers are lower.",
        "",
        f"Trained on: {setting.told()}.",
        "",
        f"Common settings: tower {TOWER}, {', '.join(f'{key} {value}' for key, value in common.items())}. "
        "On similarities tau is 0.5 and on features 1.0 unless the row says otherwise.",
        "",
        *markdown_table(["pooling", *COLUMNS], [[name, *over_seeds(runs, COLUMNS)] for name, runs in rows.items()]),
    ]
    return "\n".join(lines) + "\n"


_OF_POOLING = ("pooling", "where", "tau", "attention", "smoothing", "seed")


if __name__ == "__main__":
    typer.run(main)
