"""Published ways to get dense maps from frozen towers and captions, side by side with smoothed min pooling.

    python experiments/peers.py DATA... --voc VOC_FOLDER --work FOLDER --table docs/benchmarks/results.md

All share towers, data, steps, seed, labels and the way a mask is decided; only what makes the maps differs. Trainings
are kept in `--work`, where `poolings.py` keeps its own too, so neither repeats what the other has trained.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple, cast

import torch
import typer
from poolings import POOLINGS
from shared import (
    BASE_RECIPE,
    OWN_PROTOCOL,
    RAW_DECISION,
    SIMILARITIES,
    Cache,
    Data,
    RecipeChanges,
    Table,
    TeacherExperiment,
    VocRoot,
    Work,
)
from torch import Tensor, nn

import freeseg
from freeseg.decision.rule import Decision
from freeseg.engines.choose import require_torch
from freeseg.evaluation.metrics.bootstrap import Interval
from freeseg.evaluation.protocols import Protocol
from freeseg.evaluation.report.compare import compare
from freeseg.evaluation.report.markdown_table import table as markdown_table
from freeseg.evaluation.report.report import Report
from freeseg.evaluation.report.wording import bounds, percent, signed
from freeseg.files import write_text
from freeseg.models import TEACHER
from freeseg.models.iclip import ICLIP, Classifier

OURS = "smoothed min of similarities (FreeSeg)"
PEERS: dict[str, RecipeChanges] = {
    "global average pooling (CLIP, 2103.00020)": POOLINGS["mean of features"],
    "max pooling": POOLINGS["max of similarities"],
    "masked max of features (ICLIP, 2209.07046)": POOLINGS["masked max of features (ICLIP)"],
    "softmax over patches (PACL, 2212.04994)": {"pooling": "softmax", **SIMILARITIES},
    OURS: POOLINGS["smoothed min of similarities"],
}
UNTRAINED = "classifier to words, no training"
FULL = "FreeSeg, freeseg-lite-iclip"
PLAIN = Protocol("maps alone", presence=False)  # the largest cosine wins; background words are one more label


class ClassifierToWords(ICLIP):
    """Each patch is the mean of the names of the classes that the tower's classifier sees there. Nothing is trained."""

    def __init__(self, model: ICLIP, names: Tensor) -> None:
        super().__init__(model.image_tower, model.text_tower, model.dim)  # its text head is the identity
        self.names = names

    def project(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w) -> (B, D, h, w)."""
        probabilities = cast(Classifier, self.image_tower).classify(features.movedim(1, -1)).softmax(dim=-1)
        return nn.functional.normalize(probabilities @ self.names, dim=-1).movedim(-1, 1)


class Measured(NamedTuple):
    """The reports of a peer: its maps alone on both sets, and VOC21 with the whole decision of FreeSeg."""

    voc20: Report
    voc21: Report
    decided: Report
    retrieval: dict[str, float]


def main(
    data: Data,
    voc_root: VocRoot,
    work: Work = Path("out/ablation"),
    cache: Cache = Path(".cache/freeseg"),
    seed: Annotated[int, typer.Option(help="Seed of the trainings.")] = 0,
    table: Table = None,
) -> None:
    """Train and measure every peer, and write the table."""
    experiment = TeacherExperiment.open(data, voc_root, work, cache)
    rows = {UNTRAINED: measured(experiment, ClassifierToWords(experiment.model, experiment.words.classes), {})}
    for name, change in PEERS.items():
        retrieval = experiment.train(replace(BASE_RECIPE, seed=seed, **change))
        rows[name] = measured(experiment, experiment.model, retrieval)
        typer.echo(f"{name}: {rows[name].voc21.numbers()['mIoU']}")
    embedded = freeseg.load(TEACHER, engine="torch")
    rows[FULL] = measured(experiment, require_torch(embedded.engine).model, {}, embedded.config.decision)
    text = markdown(experiment, rows)
    typer.echo(text)
    if table:
        write_text(table, text)


@torch.inference_mode()
def measured(
    experiment: TeacherExperiment, model: ICLIP, retrieval: dict[str, float], own: Decision = RAW_DECISION
) -> Measured:
    """Measure a model: its maps alone, and with presence, smoothing and refinement."""
    voc20, voc21 = (experiment.measure(name, model, RAW_DECISION, PLAIN) for name in ("voc20", "voc21"))
    decision = replace(RAW_DECISION, smoothing=3, refine_steps=10) if own is RAW_DECISION else own
    return Measured(voc20, voc21, experiment.measure("voc21", model, decision, OWN_PROTOCOL), retrieval)


def markdown(experiment: TeacherExperiment, rows: dict[str, Measured]) -> str:
    """The page: every peer with its intervals, and the paired difference to ours."""
    ours = rows[OURS]
    body = [
        [
            name,
            _number(row.voc20.numbers()["mIoU"]),
            _number(row.voc21.numbers()["mIoU"]),
            _number(row.voc21.numbers()["mSC"]),
            "" if name == OURS else _difference(row.voc21, ours.voc21),
            _number(row.decided.numbers()["mIoU"]),
            f"{100 * row.retrieval['R@1']:.1f}" if row.retrieval else "",
        ]
        for name, row in rows.items()
    ]
    heads = ["maps from", "VOC20 mIoU", "VOC21 mIoU", "mSC", "ours - theirs, VOC21", "VOC21, FreeSeg's decision", "R@1"]
    lines = [
        "# Peers, on the same towers and data",
        "",
        "Written by `python experiments/peers.py`; not edited by hand. "
        f"{len(experiment.sets['voc21'].items)} photos of VOC 2012 val, FreeSeg's aliases. In brackets, and for the "
        "differences, 95 % intervals of a bootstrap over photos; the differences are paired.",
        "",
        "The first columns take the maps alone: the label or background word with the largest cosine wins, nothing is "
        "smoothed or refined. *FreeSeg's decision* adds presence, 3x3 smoothing and refinement to the same maps. One "
        f"seed; {BASE_RECIPE.epochs} epochs, batches of {BASE_RECIPE.batch_size}, vocabulary distillation for all that "
        f"are trained here. Trained on: {experiment.sources_line()}.",
        "",
        *markdown_table(heads, body),
        "",
        "Best-head selection (Talk2DINO, 2411.19331) needs a tower with attention heads; this one is convolutional.",
        f"*{FULL}* is trained longer than the others, see [training.md](../concepts/training.md); its retrieval is "
        "told there.",
    ]
    return "\n".join(lines) + "\n"


def _number(interval: Interval) -> str:
    return f"{percent(interval.value)} ({bounds(interval)})"


def _difference(theirs: Report, ours: Report) -> str:
    change = compare(theirs, ours).differences[0].change
    return f"{signed(change.value)} ({bounds(change)})"


if __name__ == "__main__":
    typer.run(main)
