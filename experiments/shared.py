"""What the experiments share: the same photos, steps, batches and decision for everything that they compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any, cast

import torch
import typer
from torch import Tensor, nn

from freeseg.cli.progress import progress
from freeseg.data import open_sources
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.decision.rule import Decision
from freeseg.evaluation import Report, evaluate
from freeseg.evaluation.protocols import Protocol
from freeseg.evaluation.report.markdown_table import table
from freeseg.files import write_json
from freeseg.loading import on_torch
from freeseg.models import Config
from freeseg.models.iclip import ICLIP
from freeseg.models.towers import identities, resolve, untrained
from freeseg.models.towers.efficientnet import EfficientNetLite
from freeseg.training.teacher.data import TeacherData, open_stores, read_teacher_data
from freeseg.training.teacher.recipe import TeacherRecipe
from freeseg.training.teacher.task import TeacherTask
from freeseg.training.teacher.words import NOUNS, TrainingWords, training_words
from freeseg.words import default_background, vocabulary

RecipeChanges = Mapping[str, Any]  # fields of a recipe

TOWER = "efficientnet-lite2"
BASE_RECIPE = TeacherRecipe(attention="none", epochs=4, precision="bfloat16")
FEATURES = {"where": "features", "tau": 1.0}
SIMILARITIES = {"where": "similarities", "tau": 0.5}
ATTENTION = {"attention": "energy"}
# Neither smoothed nor refined. Presence says which labels may appear and no more, as when the tables were measured.
RAW_DECISION = Decision(smoothing=1, refine_steps=0, presence_share=0.06, presence_ratio=0.55, presence_weight=0.0)
OWN_PROTOCOL = Protocol("freeseg")

Data = Annotated[list[str], typer.Argument(help="Caption folders, tar files, and folders of photos to train on.")]
VocRoot = Annotated[Path, typer.Option("--voc", help="Folder in the layout of VOC 2012, to measure on.")]
Work = Annotated[Path, typer.Option(help="Folder for the trainings; a later run goes on from what is there.")]
Cache = Annotated[Path, typer.Option(help="Folder in which features are cached.")]
Table = Annotated[Path | None, typer.Option(help="Markdown file to write.")]
Seeds = Annotated[int, typer.Option(help="How many seeds each is trained with.")]


class RememberingTower(nn.Module):
    """An image tower that computes the features of each photo once, and keeps them in memory."""

    def __init__(self, tower: EfficientNetLite) -> None:
        super().__init__()
        self.tower, self.classify = tower, tower.classify
        self.channels, self.stride, self.last = tower.channels, tower.stride, tower.last
        self.computed: dict[int, Tensor] = {}

    def features(self, pixels: Tensor) -> Tensor:
        """The features of the tower, which are float16 in memory."""
        key = hash(pixels.numpy(force=True).tobytes())
        if key not in self.computed:
            self.computed[key] = self.tower.features(pixels).half()
        return self.computed[key].float()


@dataclass
class TeacherExperiment:
    """The model whose heads are trained, what it is trained on, and what it is measured on."""

    model: ICLIP
    data: TeacherData
    words: TrainingWords
    sets: dict[str, SegmentationData]
    work: Path

    @classmethod
    def open(cls, data: list[str], voc_root: Path, work: Path, cache: Path) -> TeacherExperiment:
        """Open the data and compute the features that are not in the cache yet."""
        towers = resolve(TOWER)
        model = untrained(towers)
        stores = open_stores(cache, model, identities(towers))
        with progress("photos") as photos, progress("captions") as captions:
            prepared = read_teacher_data(
                model,
                open_sources(data),
                stores,
                vocabulary(NOUNS),
                torch.device("cpu"),
                on_photos=photos,
                on_texts=captions,
            )
        model.image_tower = RememberingTower(cast(EfficientNetLite, model.image_tower))
        sets = {name: open_dataset(name, voc_root) for name in ("voc20", "voc21")}
        return cls(model, prepared, training_words(model), sets, work)

    def folder(self, recipe: TeacherRecipe) -> Path:
        """The folder of a training."""
        keys = ("pooling", "where", "tau", "attention", "smoothing")
        name = "_".join(str(getattr(recipe, key)) for key in keys)
        return self.work / name / f"epochs{recipe.epochs}-seed{recipe.seed}"

    def train(self, recipe: TeacherRecipe) -> dict[str, float]:
        """Train the heads, or load them where they are trained already; returns retrieval on held-out captions."""
        task = TeacherTask(self.model, self.data, self.words, recipe)
        task.loop(self.folder(recipe)).fit()
        return task.metrics

    def measure(self, name: str, model: ICLIP, decision: Decision, protocol: Protocol = OWN_PROTOCOL) -> Report:
        """The report of a model on "voc20" or "voc21"."""
        measured = on_torch(model, Config("experiment", resolve(TOWER), decision=decision))
        return evaluate(measured, self.sets[name], protocol)

    @property
    def identity(self) -> str:
        """A hash of what is trained on and measured on."""
        return identity(self.sources_line(), [item.name for data in self.sets.values() for item in data.items])

    def sources_line(self) -> str:
        """The sources of the training data with their numbers of photos, in one line."""
        return ", ".join(f"{name} ({count:,} photos)" for name, count in self.data.sources.items())


def identity(*measured_with: object) -> str:
    """A hash of what scores depend on, so that saved ones are not taken for those of something else."""
    return hashlib.sha256(repr((default_background(), *measured_with)).encode()).hexdigest()


def save_scores(result: Path, scores: Mapping[str, float], of: str) -> None:
    """Write scores with the `identity` of what they depend on."""
    write_json(result, {"scores": scores, "of": of})


def saved_scores(result: Path, of: str) -> dict[str, float] | None:
    """The scores that were saved with this identity; None where there are none."""
    found = json.loads(result.read_text()) if result.is_file() else {}
    scores: dict[str, float] | None = found["scores"] if found.get("of") == of else None
    return scores


def table_over_seeds(
    first: str, columns: Sequence[str], rows: Mapping[str, Sequence[Mapping[str, float]]]
) -> list[str]:
    """The lines of a Markdown table: for each row, mean and standard deviation over its runs, one run a seed."""
    return table([first, *columns], [[name, *_over_seeds(runs, columns)] for name, runs in rows.items()])


def _over_seeds(runs: Sequence[Mapping[str, float]], columns: Iterable[str]) -> list[str]:
    """The cells of a row: the mean and standard deviation of each column over the runs that have it."""
    cells = []
    for column in columns:
        values = [run[column] for run in runs if column in run]
        deviation = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
        cells.append(f"{mean(values):.1f}{deviation}" if values else "")
    return cells
