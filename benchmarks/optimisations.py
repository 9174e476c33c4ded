"""Optimisations that FreeSeg has: each is measured with and without it, in turns."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import cast

import torch

import freeseg
from benchmarks import photos
from benchmarks.photos import LABELS, words
from benchmarks.scale import Scale
from benchmarks.tables import ms, table
from benchmarks.timing import in_turns
from freeseg.engines.choose import require_torch
from freeseg.models.network import SegmentationTower


def section(scale: Scale, folder: Path) -> list[str]:
    """The section of the page."""
    rows = []
    for what, works in (
        ("the tower's tensors are channels_last, in PyTorch", _layout()),
        ("several photos are in hand at once, a photo", _overlap(scale, folder)),
        ("text embeddings are kept on disk, 290 labels", _text_cache(folder)),
    ):
        before, after = works
        taken = in_turns({"before": before, "after": after}, scale.fewer)
        count = scale.photos if "a photo" in what else 1
        old, new = (taken[name] / count for name in ("before", "after"))
        rows.append([what, ms(old), ms(new), f"{old / new:.2f}"])
    return ["## Waste removed", "", *table(["what", "before, ms", "after, ms", "times as fast"], rows)]


BeforeAndAfter = tuple[Callable[[], object], Callable[[], object]]


def _layout() -> BeforeAndAfter:
    pixels = torch.rand(1, 3, 352, 469)
    new = cast(SegmentationTower, require_torch(freeseg.load(engine="torch").engine).model.image_tower)
    old = deepcopy(new).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    last = pixels.contiguous(memory_format=torch.channels_last)
    return lambda: _features(old, pixels), lambda: _features(new, last)


@torch.inference_mode()
def _features(tower: SegmentationTower, pixels: torch.Tensor) -> None:
    tower.features(pixels)


def _overlap(scale: Scale, folder: Path) -> BeforeAndAfter:
    model, paths = freeseg.load(), photos.usual(folder, scale.photos)
    return lambda: [model.segment(path, LABELS) for path in paths], lambda: model.segment(list(paths), LABELS)


def _text_cache(folder: Path) -> BeforeAndAfter:
    vocabulary = freeseg.Vocabulary.of(words(290))

    def embed(cache: str) -> None:
        os.environ["FREESEG_CACHE"] = cache
        freeseg.load().embed_vocabulary(vocabulary)  # a new model: this one remembers no words
        os.environ["FREESEG_CACHE"] = "off"

    return lambda: embed("off"), lambda: embed(str(folder / "texts"))
