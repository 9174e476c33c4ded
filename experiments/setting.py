"""What the experiments share: the same photos, steps, batches and decision for everything they compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from freeseg.files import write_json
from freeseg.loading import on_torch
from freeseg.models import Config
from freeseg.models.iclip import ICLIP
from freeseg.models.towers import identities, resolve, untrained
from freeseg.models.towers.efficientnet import EfficientNetLite
from freeseg.training import features
from freeseg.training.teacher.data import TeacherData, read_teacher_data
from freeseg.training.teacher.recipe import TeacherRecipe
from freeseg.training.teacher.task import TeacherTask
from freeseg.training.teacher.words import NOUNS, TrainingWords, training_words
from freeseg.words import default_background, vocabulary

Change = Mapping[str, Any]  # fields of a recipe

TOWER = "efficientnet-lite2"
BASE = TeacherRecipe(attention="none", epochs=4, precision="bfloat16")
FEATURES = {"where": "features", "tau": 1.0}
SIMILARITIES = {"where": "similarities", "tau": 0.5}
ATTENTION = {"attention": "energy"}
RAW = replace(Decision(), smoothing=1, refine_steps=0)  # the maps as they are
OWN = Protocol("freeseg")

Data = Annotated[list[str], typer.Argument(help="Caption folders, tars, folders of photos.")]
VocRoot = Annotated[Path, typer.Option("--voc", help="Folder in VOC's layout, to measure on.")]
Work = Annotated[Path, typer.Option(help="Folder for the runs, which are kept.")]
Cache = Annotated[Path, typer.Option(help="Folder of the feature cache.")]
Table = Annotated[Path | None, typer.Option(help="Markdown file to write.")]


class RememberingTower(nn.Module):
    """An image tower that gives the features of a photo it has seen before without computing them again."""

    def __init__(self, tower: EfficientNetLite) -> None:
        super().__init__()
        self.tower, self.classify = tower, tower.classify
        self.channels, self.stride, self.last = tower.channels, tower.stride, tower.last
        self.seen: dict[int, Tensor] = {}

    def features(self, pixels: Tensor) -> Tensor:
        """As the tower's own, float16 in memory."""
        key = hash(pixels.numpy(force=True).tobytes())
        if key not in self.seen:
            self.seen[key] = self.tower.features(pixels).half()
        return self.seen[key].float()


@dataclass
class Setting:
    """The model whose heads are trained, what it is trained on, and what it is measured on."""

    model: ICLIP
    data: TeacherData
    words: TrainingWords
    sets: dict[str, SegmentationData]
    work: Path

    @classmethod
    def open(cls, data: list[str], voc_root: Path, work: Path, cache: Path) -> Setting:
        """Fill the cache where it is not full yet."""
        towers = resolve(TOWER)
        model = untrained(towers)
        stores = features.open_stores(model, cache, *identities(towers))
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
        """Where a run is kept."""
        keys = ("pooling", "where", "tau", "attention", "smoothing")
        name = "_".join(str(getattr(recipe, key)) for key in keys)
        return self.work / name / f"epochs{recipe.epochs}-seed{recipe.seed}"

    def train(self, recipe: TeacherRecipe) -> dict[str, float]:
        """Train the heads, or take them from a run that is done; gives the retrieval of the held-out captions."""
        task = TeacherTask(self.model, self.data, self.words, recipe)
        task.loop(self.folder(recipe)).fit()
        return task.metrics

    def measure(self, name: str, model: ICLIP, decision: Decision, protocol: Protocol = OWN) -> Report:
        """A report on "voc20" or "voc21"."""
        measured = on_torch(model, Config("experiment", resolve(TOWER), decision=decision))
        return evaluate(measured, self.sets[name], protocol)

    @property
    def identity(self) -> str:
        """Of what is trained on and measured on."""
        return identity(self.told(), [item.name for data in self.sets.values() for item in data.items])

    def told(self) -> str:
        """What it was trained on, in a line."""
        return ", ".join(f"{name} ({count:,} photos)" for name, count in self.data.sources.items())


def identity(*measured_with: object) -> str:
    """A digest of what numbers depend on, so that they are not taken for those of something else."""
    return hashlib.sha256(repr((default_background(), *measured_with)).encode()).hexdigest()


def keep(result: Path, scores: Mapping[str, float], of: str) -> None:
    """Keep numbers with the `identity` of what they were measured with."""
    write_json(result, {"scores": scores, "of": of})


def kept(result: Path, of: str) -> dict[str, float] | None:
    """The numbers of that identity, if there are any."""
    found = json.loads(result.read_text()) if result.is_file() else {}
    scores: dict[str, float] | None = found["scores"] if found.get("of") == of else None
    return scores


def over_seeds(runs: Sequence[Mapping[str, float]], columns: Iterable[str]) -> list[str]:
    """Cells of a table: mean and standard deviation over the runs that have a column."""
    found = [[run[column] for run in runs if column in run] for column in columns]
    spread = [f" ± {stdev(values):.1f}" if len(values) > 1 else "" for values in found]
    return [f"{mean(values):.1f}{more}" if values else "" for values, more in zip(found, spread, strict=True)]
