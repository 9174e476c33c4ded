"""A small segmentation network, and photos with free masks to train it on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image

from freeseg.data.free_masks import Entry, FreeMasks, MaskSettings, open_free_masks, write_settings
from freeseg.files import sha256, write_text
from freeseg.loading import on_torch
from freeseg.models import Config, Preprocessing, TowerPair
from freeseg.models.network import SegmentationNetwork, SegmentationTower
from freeseg.models.towers.efficientnet import EfficientNetLite
from freeseg.photos.references import PhotoReference
from freeseg.training.features import GRID
from freeseg.training.network.batches import Samples
from freeseg.training.network.devices import accelerator
from freeseg.training.network.recipe import NetworkRecipe
from freeseg.training.network.task import NetworkTask
from freeseg.training.network.teacher import Teacher
from freeseg.training.network.words import VocabularyTensors
from freeseg.words import Vocabulary
from tiny import TINY_STAGES, HashedText, iclip_of, tiny_iclip

VOCABULARY = Vocabulary.of(["cat", "dog", "red car|car"], ["sky", "grass"])
RECIPE = NetworkRecipe(side=32, batch_size=2, epochs=3, learning_rate=1e-2, frozen_stride=0)
PHOTOS = 7


def tiny_network(seed: int = 0) -> SegmentationNetwork:
    """A segmentation network small enough to train in a test."""
    torch.manual_seed(seed)
    encoder = EfficientNetLite(output_stride=32, stages=TINY_STAGES, head_channels=24, classes=10)
    return SegmentationNetwork(SegmentationTower(encoder, width=16), HashedText())


def tiny_config(name: str = "tiny") -> Config:
    """A config of tiny models, which are not in any registry."""
    return Config(name, TowerPair("tiny", "tiny"), preprocessing=Preprocessing(64))


def draw_free_masks(
    folder: Path, count: int = PHOTOS, size: tuple[int, int] = (48, 40)
) -> tuple[FreeMasks, list[Path]]:
    """Photos of coloured halves, and masks that say so: cats are green, dogs blue, the rest is background."""
    rng = np.random.default_rng(0)
    lines, photos = [], []
    names = VOCABULARY.names
    write_settings(folder / "masks", MaskSettings(VOCABULARY, "tiny", "", "", "1", {}))
    for number in range(count):
        label = number % 2
        mask = np.zeros(size[::-1], np.uint8)
        mask[:, : size[0] // 2] = label + 1
        mask[0] = 255
        pixels = rng.integers(0, 60, (*mask.shape, 3), dtype=np.uint8)
        pixels[mask == label + 1, label + 1] += 150
        photo = folder / "photos" / f"{number}.png"
        paths = [folder / "masks" / kind / "photos" / f"{number}.png" for kind in ("masks", "confidence")]
        for path, picture in zip((photo, *paths), (pixels, mask, np.full_like(mask, 200)), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
        photos.append(photo)
        lines.append(
            Entry(
                "photos",
                photo.name,
                *size,
                *(path.relative_to(folder / "masks").as_posix() for path in paths),
                known="captions",
                labels=(names[label],),
                areas={names[label]: 0.5},
                ignored=0.0,
                sha256=sha256(photo),
                model="tiny",
                version="1",
            ).line()
        )
    write_text(folder / "masks" / "manifest.jsonl", "".join(lines))
    return open_free_masks(folder / "masks"), photos


def tiny_teacher(photos: int) -> Teacher:
    """A teacher whose features are noise."""
    model = on_torch(tiny_iclip(), tiny_config())
    words = VocabularyTensors.of(model.embed_vocabulary(VOCABULARY), torch.device("cpu"))
    channels = iclip_of(model).image_tower.channels
    features = np.random.default_rng(1).normal(size=(photos, GRID * GRID, channels)).astype(np.float16)
    return Teacher(iclip_of(model), features, words, 20.0, 0.0)


def tiny_task(
    folder: Path, recipe: NetworkRecipe = RECIPE, on: Accelerator | None = None, workers: int = 0
) -> NetworkTask:
    """The training of a tiny network on drawn photos."""
    masks, photos = draw_free_masks(folder) if not (folder / "masks").exists() else _drawn(folder)
    samples = Samples(masks, [*map(PhotoReference.of_file, photos)], np.arange(len(photos)), recipe)
    network, teacher = tiny_network(recipe.seed), tiny_teacher(len(photos))
    return NetworkTask(network, teacher, samples, np.arange(len(photos)), {}, on or accelerator("cpu"), workers=workers)


def _drawn(folder: Path) -> tuple[FreeMasks, list[Path]]:
    masks = open_free_masks(folder / "masks")
    return masks, [folder / "photos" / entry.file for entry in masks.entries]
