"""What the experiment costs: photos, times the seconds that each took on this machine just now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor, nn

from freeseg.data import PhotoSource, open_sources
from freeseg.data.segmentation import SegmentationData, open_dataset
from freeseg.evaluation import evaluate
from freeseg.evaluation.measure import evenly_spaced
from freeseg.evaluation.protocols import protocol
from freeseg.loading import on_torch
from freeseg.models import checkpoint, towers
from freeseg.models.devices import require_device
from freeseg.models.iclip import ICLIP, PatchEmbedder
from freeseg.pipeline import FreeSeg
from freeseg.training.features import BATCH, GRID, side_for
from freeseg.training.network.initial import network_config
from freeseg.words import Vocabulary

from .plan import modes
from .settings import POOLINGS, STRATEGIES, Settings, Tower

REPEATS = 3  # of which the median counts, after a first one that does not
PHOTOS = 4  # of each source that is measured


class Work(NamedTuple):
    """A part of the experiment: what it is, how many photos it looks at in all, and the seconds for each."""

    what: str
    photos: int
    seconds: float

    @property
    def hours(self) -> float:
        """How long it takes in all."""
        return self.photos * self.seconds / 3600

    def line(self) -> str:
        """As a person reads it.

        Example:
            >>> Work("features", 7_200, 0.5).line()
            'features: 7,200 photos at 2.0 a second, 1.0 hours'
        """
        return f"{self.what}: {self.photos:,} photos at {1 / self.seconds:.1f} a second, {self.hours:.1f} hours"


def cost(settings: Settings) -> list[str]:
    """The lines that say what the experiment costs on this machine."""
    sources = open_sources(settings.images)
    captioned = sum(len(source) for source in open_sources(settings.captions))
    photos = sum(len(source) for source in sources)
    sets = {name: evenly_spaced(open_dataset(name, root), settings.limit) for name, root in settings.datasets.items()}
    lines, parts = [], list[Work]()
    for number, tower in enumerate(settings.towers):
        measured = Measured(settings, tower)
        lines.append(f"{tower.slug}: {measured.parameters}")
        parts += measured.training(captioned, photos)
        parts.append(Work(f"free masks, {tower.slug}", photos, measured.labelling(sources)))
        looks = len(POOLINGS) + (0 if number else len(modes(tower.image)))
        for name, data in sets.items():
            frozen, trained = measured.evaluation(name, data)
            parts.append(Work(f"{name}, models on {tower.slug}", looks * len(data.items), frozen))
            parts.append(Work(f"{name}, its networks", len(STRATEGIES) * len(data.items), trained))
    total = sum(part.hours for part in parts)
    return [
        *lines,
        *(part.line() for part in parts),
        f"in all about {total:.1f} hours on this machine, on {settings.device}, with one process",
        "not counted: reading photos, embedding captions, the steps of the heads and of the networks' optimisers",
    ]


class Measured:
    """The models on a tower, as they are before a training: their speed does not depend on the weights."""

    def __init__(self, settings: Settings, tower: Tower) -> None:
        self.settings, self.tower, self.device = settings, tower, require_device(settings.device)
        self.pair = towers.resolve(tower.image)
        self.model: ICLIP = towers.untrained(self.pair).to(self.device)
        self.network = towers.network_family(settings.encoder).start_network(settings.encoder, self.model)
        self.network = self.network.to(self.device)
        config = checkpoint.new_config("cost", self.pair, self.model, hidden=0, training={}, metrics={})
        self.teacher = on_torch(self.model, config)
        self.student = on_torch(self.network, network_config("cost", settings.encoder, self.teacher))

    @property
    def parameters(self) -> str:
        """How many parameters the towers have."""
        parts = {"image tower": self.model.image_tower, "network": self.network.segmentation_tower}
        counts = {
            name: sum(each.numel() for each in part.parameters())
            for name, part in parts.items()
            if isinstance(part, nn.Module)
        }
        return ", ".join(f"{name} {count / 1e6:.1f} million parameters" for name, count in counts.items())

    def training(self, captioned: int, photos: int) -> Iterator[Work]:
        """Features of all photos, once; attention of those with captions; the steps of all networks."""
        side = side_for(self.model.stride)
        pixels = torch.randint(0, 256, (BATCH, 3, side, side), dtype=torch.uint8, device=self.device)
        features = self._seconds(lambda: self.model.features(pixels)) / BATCH
        yield Work(f"features, {self.tower.image}", captioned + photos, features)
        if self.tower.attention:
            attention = towers.family_of(self.tower.attention).open_attention(self.tower.attention).to(self.device)
            yield Work(
                f"attention, {self.tower.attention}", captioned, self._seconds(lambda: attention(pixels, GRID)) / BATCH
            )
        recipe = self.settings.network
        crops = torch.randint(0, 256, (recipe.batch_size, 3, recipe.side, recipe.side), dtype=torch.uint8)
        embed, crops = PatchEmbedder(self.network.train().requires_grad_(True)), crops.to(self.device)
        with torch.enable_grad():
            step = self._seconds(lambda: _backward(embed(crops))) / recipe.batch_size
        self.network.eval().requires_grad_(False)
        yield Work(f"networks of {self.tower.slug}", photos * recipe.epochs * len(STRATEGIES), step)

    def labelling(self, sources: list[PhotoSource]) -> float:
        """Seconds for the free mask of a photo."""
        labels = Vocabulary.of(self.settings.labels)
        photos = [photo.image for source in sources for photo in islice(source, PHOTOS)]
        return self._seconds(lambda: [self.teacher.segment(photo, labels) for photo in photos]) / len(photos)

    def evaluation(self, name: str, data: SegmentationData) -> tuple[float, float]:
        """Seconds for a photo of a data set, of a model on the tower and of a network."""
        few = evenly_spaced(data, PHOTOS)
        rules = protocol(self.settings.protocol, name)

        def seconds(model: FreeSeg) -> float:
            work = lambda: evaluate(model, few, rules, setting=self.settings.setting)  # noqa: E731
            return self._seconds(work) / len(few.items)

        return seconds(self.teacher), seconds(self.student)

    def _seconds(self, work: Callable[[], object]) -> float:
        times = []
        for _ in range(1 + REPEATS):
            begun = time.perf_counter()
            work()
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            times.append(time.perf_counter() - begun)
        return median(times[1:])


def _backward(patches: Tensor) -> None:
    patches.square().mean().backward()  # type: ignore[no-untyped-call]
