"""The stages of the experiment, made of calls of the library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from freeseg import evaluation, labelling
from freeseg.data import open_sources
from freeseg.models import hub, towers
from freeseg.training import network, processes, teacher
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.teacher.recipe import TeacherRecipe

from .settings import LABELLING, MODES, POOLINGS, STRATEGIES, Settings, Tower
from .stages import Stage


class Row(NamedTuple):
    """A model that is measured: its name in the table, the name or folder of it, and how it is loaded."""

    name: str
    model: str
    options: Mapping[str, str]

    def stage(self, dataset: str) -> str:
        """The name of the stage that measures it on a data set."""
        return f"{_slug(self.name)}--{dataset}"


def plan(settings: Settings) -> list[Stage]:
    """All stages, in the order in which they run."""
    for tower in settings.towers:  # the models of later stages stand on them, and their folders may lie anywhere
        for name in filter(None, tower):
            hub.name_by_user(name)
    trained = [
        stage
        for tower in settings.towers
        for stage in (*_teachers(settings, tower), _masks(settings, tower), *_networks(settings, tower))
    ]
    return [*trained, *_measurements(settings)]


def rows(settings: Settings) -> list[Row]:
    """The models that are measured: the first tower as it is, if it knows words; all teachers, all networks."""
    plain = settings.towers[0].image
    found = [Row(f"{Path(plain).name}, {mode}, not trained", plain, {"mode": mode}) for mode in modes(plain)]
    for tower in settings.towers:
        found += [
            Row(f"{tower.slug}, {name}", str(teacher_folder(settings, tower, name)), {"engine": "torch"})
            for name in POOLINGS
        ]
        found += [
            Row(f"network of {tower.slug}, {name}", str(network_folder(settings, tower, name)), {"engine": "torch"})
            for name in STRATEGIES
        ]
    return found


def modes(image: str) -> list[str]:
    """The ways in which a tower as it is is looked at; none of a tower without words of its own.

    Example:
        >>> modes("efficientnet-lite2")
        []
    """
    return [mode for mode in MODES if mode in towers.family_of(image).dense_modes]


def teacher_recipe(settings: Settings, tower: Tower, pooling: str) -> TeacherRecipe:
    """The recipe of a teacher; the class token of the attention tower weighs its patches, where there is one."""
    attention = {"attention": "class" if tower.attention else "auto"}
    return replace(settings.teacher, **attention | dict(POOLINGS[pooling]))


def network_recipe(settings: Settings, strategy: str) -> NetworkRecipe:
    """The recipe of a network."""
    return replace(settings.network, **STRATEGIES[strategy])


def teacher_folder(settings: Settings, tower: Tower, pooling: str) -> Path:
    """Where a teacher is written."""
    return settings.out / "teachers" / tower.slug / _slug(pooling)


def network_folder(settings: Settings, tower: Tower, strategy: str) -> Path:
    """Where a network is written."""
    return settings.out / "networks" / tower.slug / _slug(strategy)


def _slug(name: str) -> str:
    return re.sub(r"[^\w.+]+", "-", name).strip("-")


def _teachers(settings: Settings, tower: Tower) -> Iterator[Stage]:
    for pooling in POOLINGS:
        recipe, folder = teacher_recipe(settings, tower, pooling), teacher_folder(settings, tower, pooling)
        decides = {"captions": settings.captions, "tower": tower, "recipe": asdict(recipe)}
        yield Stage(
            f"teacher-{tower.slug}-{_slug(pooling)}",
            f"train an ICLIP on {tower.slug}, {pooling}",
            decides | {"trainings": settings.trainings},
            partial(_train_teacher, settings, tower, recipe, folder),
        )


def _train_teacher(settings: Settings, tower: Tower, recipe: TeacherRecipe, folder: Path) -> dict[str, float]:
    config = teacher.run(
        settings.captions,
        folder,
        recipe=recipe,
        image_tower=tower.image,
        attention_tower=tower.attention if recipe.attention == "class" else "",
        trainings=settings.trainings,
        cache=settings.cache,
        device=settings.device,
        command="python -m experiments.paper",
    )
    return numbers(config.metrics) if config else {}


def _masks(settings: Settings, tower: Tower) -> Stage:
    decides = {"images": list(map(str, settings.images)), "labels": settings.labels}
    what = f"label free masks with {tower.slug}, {LABELLING}"
    return Stage(f"masks-{tower.slug}", what, decides, partial(_label, settings, tower))


def _label(settings: Settings, tower: Tower) -> dict[str, float]:
    def label() -> int:
        done = labelling.label(
            open_sources(settings.images),
            _mask_folder(settings, tower),
            labels=settings.labels,
            model=teacher_folder(settings, tower, LABELLING),
            device=settings.device,
            workers=settings.workers,
        )
        return len(done.masks.entries)

    return {"photos": processes.from_first(label)}


def _mask_folder(settings: Settings, tower: Tower) -> Path:
    return settings.out / "masks" / tower.slug


def _networks(settings: Settings, tower: Tower) -> Iterator[Stage]:
    for strategy in STRATEGIES:
        recipe, folder = network_recipe(settings, strategy), network_folder(settings, tower, strategy)
        yield Stage(
            f"network-{tower.slug}-{_slug(strategy)}",
            f"train a network on the masks of {tower.slug}, {strategy}",
            {"encoder": settings.encoder, "recipe": asdict(recipe)},
            partial(_train_network, settings, tower, recipe, folder),
        )


def _train_network(settings: Settings, tower: Tower, recipe: NetworkRecipe, folder: Path) -> dict[str, float]:
    config = network.run(
        _mask_folder(settings, tower),
        settings.images,
        folder,
        recipe=recipe,
        encoder=settings.encoder,
        teacher=str(teacher_folder(settings, tower, LABELLING)),
        cache=settings.cache,
        device=settings.device,
        command="python -m experiments.paper",
    )
    return numbers(config.metrics) if config else {}


def _measurements(settings: Settings) -> Iterator[Stage]:
    decides = {name: getattr(settings, name) for name in ("setting", "protocol", "limit")}
    for row in rows(settings):
        for dataset, root in settings.datasets.items():
            yield Stage(
                row.stage(dataset),
                f"measure {row.name} on {dataset}",
                {**decides, "root": str(root)},
                partial(_measure, settings, row, dataset, root),
            )


def _measure(settings: Settings, row: Row, dataset: str, root: Path) -> dict[str, float]:
    def measure() -> dict[str, float]:
        options: dict[str, Any] = {**row.options, "device": settings.device}
        report = evaluation.run(
            row.model,
            dataset=dataset,
            root=root,
            out=settings.out / "reports" / row.stage(dataset),
            setting=settings.setting,
            protocol=settings.protocol,
            limit=settings.limit,
            command="python -m experiments.paper",
            **options,
        )
        return {name: found.value for name, found in report.numbers().items()}

    return processes.from_first(measure)


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """What was measured, without what is no number."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}
