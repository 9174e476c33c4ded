"""What the experiment is made of: towers, data, poolings, strategies, data sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from freeseg.evaluation.names import ProtocolName, SettingName
from freeseg.models.towers import DEFAULT_NETWORK
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.teacher.recipe import TeacherRecipe

Changes = Mapping[str, Any]  # fields of a recipe

POOLINGS: dict[str, Changes] = {
    "mean": {"pooling": "mean", "where": "features", "attention": "none"},
    "masked max (ICLIP)": {"pooling": "masked-max", "where": "features"},
    "smoothed min (FreeSeg)": {"pooling": "smoothed-min", "where": "similarities"},
}
LABELLING = "smoothed min (FreeSeg)"  # the pooling of the teacher that makes the free masks
NO_LABELS: Changes = {"partial_labels": False}
NO_PIXELS: Changes = {"partial_pixels": False, "clamp_from": 1.0}  # hard pixels are clamped with the others, or not
STRATEGIES: dict[str, Changes] = {
    "neither": {**NO_LABELS, **NO_PIXELS},
    "partial labels": NO_PIXELS,
    "partial pixels": NO_LABELS,
    "both": {},
}
DATASETS = {  # in the order of the table, each with the folder that it lies in
    "voc21": "voc",
    "voc20": "voc",
    "context60": "context",
    "context59": "context",
    "coco-object": "coco",
    "coco-stuff164k": "coco",
}
MODES = ("surgery", "sclip", "naclip")  # ways to look at the first tower as it is


class Tower(NamedTuple):
    """A frozen image tower, and the tower whose class token gives the attention of the patches; "" for none."""

    image: str
    attention: str = ""

    @property
    def slug(self) -> str:
        """Its name, as a folder can have it.

        Example:
            >>> Tower("openai/clip-vit-base-patch16", "facebook/dinov2-base").slug
            'clip-vit-base-patch16+dinov2-base'
        """
        names = [Path(name).name for name in (self.image, self.attention) if name]
        return "+".join(re.sub(r"[^\w.-]", "-", name) for name in names)


TOWERS = (
    Tower("openai/clip-vit-base-patch16", "facebook/dinov2-base"),
    Tower("google/siglip2-base-patch16-224", "facebook/dinov2-base"),  # it has no class token of its own
)


@dataclass(frozen=True)
class Settings:
    """All that decides the outcome.

    Attributes:
        captions: What the ICLIPs are trained on, as `freeseg pretrain` takes it.
        images: Folders of photos, with captions or without, for free masks and the networks.
        out: Where everything is written.
        roots: The folders of VOC 2012 ("voc"), VOC 2010 with Context ("context") and COCO 2017 ("coco"), as far as
            they are there.
        towers: The frozen towers.
        cache: Folder of their features.
        labels: The labels of the free masks.
        teacher, network: The recipes, but for what is compared.
        trainings: How many trainings of each teacher are averaged.
        encoder: Of the networks.
        setting, protocol: Of the evaluations.
        limit: At most so many photos of each data set.
        device: What is computed on.
        workers: How many processes label photos; None for a number that suits the machine.
    """

    captions: tuple[str, ...]
    images: tuple[Path, ...]
    out: Path
    roots: Mapping[str, Path]
    towers: tuple[Tower, ...] = TOWERS
    cache: Path = Path(".cache/freeseg")
    labels: str = "common"
    teacher: TeacherRecipe = field(default_factory=TeacherRecipe)
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    trainings: int = 1
    encoder: str = DEFAULT_NETWORK
    setting: SettingName = "aliases"
    protocol: ProtocolName = "sclip"
    limit: int | None = None
    device: str = "cpu"
    workers: int | None = None

    @property
    def datasets(self) -> dict[str, Path]:
        """The data sets that are there, each with its folder."""
        return {name: self.roots[home] for name, home in DATASETS.items() if home in self.roots}
