"""Folders of free masks, drawn by the tests that read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from freeseg.data.free_masks import MANIFEST, Entry, MaskSettings, write_settings
from freeseg.mask_values import IGNORE, labels_by_value
from freeseg.results.segmentation import Segmentation
from freeseg.words import Vocabulary

WORDS = Vocabulary.of("cat|kitten, dog, sofa|couch", ["sky", "grass"])
SETTINGS = MaskSettings(WORDS, "drawn", "drawn", "ab12", "1.0", {"smoothing": 3, "ignore_below": 0.0})
ENTRY = Entry(
    source="photos",
    file="a.jpg",
    width=5,
    height=4,
    mask="masks/photos/a.png",
    confidence="confidence/photos/a.png",
    known="captions",
    labels=("cat", "dog"),
    areas={"background": 0.6, "cat": 0.4},
    ignored=0.0,
    sha256="0" * 64,
    model="drawn",
    version="1.0",
)


def entry_of(file: str, **changes: Any) -> Entry:
    """An entry of a photo, its files named after it."""
    stem = file.partition(".")[0]
    places = {"mask": f"masks/photos/{stem}.png", "confidence": f"confidence/photos/{stem}.png"}
    return replace(ENTRY, file=file, **(places | changes))


def draw_masks(folder: Path, *entries: Entry, vocabulary: Vocabulary = WORDS, seed: int = 0) -> list[Segmentation]:
    """Write a folder of random masks, one per entry, as `freeseg label` does; gives what they hold."""
    write_settings(folder, replace(SETTINGS, vocabulary=vocabulary))
    random, labels, drawn = np.random.default_rng(seed), labels_by_value(vocabulary.names), []
    for entry in entries:
        size = (entry.height, entry.width)
        mask = random.integers(0, len(labels), size).astype(np.uint8 if len(labels) <= IGNORE else np.uint16)
        mask[0, 0], mask[-1, -1] = IGNORE, len(labels) - 1
        levels = random.integers(0, 256, size, dtype=np.uint8)
        confidence = levels.astype(np.float32) / np.float32(255)
        result = Segmentation(mask, confidence, labels, Image.new("RGB", (entry.width, entry.height)))
        for path, image in ((entry.mask, result.mask_image()), (entry.confidence, Image.fromarray(levels))):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(folder / path)
        drawn.append(result)
    (folder / MANIFEST).write_text("".join(entry.line() for entry in entries), encoding="ascii")
    return drawn
