"""Photos per second: files to files, files to masks, and the image side alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import freeseg
from benchmarks import photos
from benchmarks.photos import LABELS, SIZE
from benchmarks.scale import Scale
from benchmarks.tables import table
from benchmarks.timing import in_turns
from freeseg.errors import PhotoError
from freeseg.results.saving import save_in_background

HEADS = ["model", "what", "photos/s", "times the image side's speed"]
ALONE = "its image side alone, pixels to similarity maps"


def section(scale: Scale, folder: Path) -> list[str]:
    """A folder of photos to files, to masks, and through the image side alone; by default, and in PyTorch."""
    paths, rows = photos.usual(folder, scale.photos), []
    for model in (freeseg.load(), freeseg.load(engine="torch")):
        called = f"in {model.engine.name}, {model.engine.precision}"
        works = _works(model, paths, folder / "results")
        seconds = in_turns(works, scale.repeats)
        for what, taken in seconds.items():
            rows.append([called, what, f"{len(paths) / taken:.1f}", f"{seconds[ALONE] / taken:.2f}"])
    return [
        "## Speed",
        "",
        f"A folder of {len(paths)} photos of {SIZE[0]}x{SIZE[1]}, {len(LABELS)} labels, all cores. The first model is "
        "the one that is used on this machine when nothing is said.",
        "",
        *table(HEADS, rows),
    ]


def _works(model: freeseg.FreeSeg, paths: list[Path], out: Path) -> dict[str, Callable[[], object]]:
    words, pixels = model.embed_vocabulary(LABELS).embeddings, model.prepare(paths[0]).pixels
    look = partial(model.engine.similarity_maps, pixels, words)
    works: dict[str, Callable[[], object]] = {
        "`freeseg segment`: JPEGs to overlays, masks and JSON": partial(_to_files, model, paths, out),
        "`model.stream`: JPEGs to masks": partial(_to_masks, model, paths),
        ALONE: lambda: [look() for _ in paths],
    }
    if model.engine.max_concurrent > 1:
        works[f"{ALONE}, a photo a core at once"] = partial(_a_photo_a_core, look, len(paths))
    return works


def _to_files(model: freeseg.FreeSeg, paths: list[Path], out: Path) -> None:
    stems = [path.stem for path in paths]
    for _, result in save_in_background(zip(stems, model.stream(paths, LABELS), strict=True), out):
        if isinstance(result, PhotoError):
            raise result


def _to_masks(model: freeseg.FreeSeg, paths: list[Path]) -> None:
    for _ in model.stream(paths, LABELS):
        pass


def _a_photo_a_core(look: Callable[[], object], count: int) -> None:
    """As many photos at once as there are cores, as `model.stream` looks at them."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for each in [pool.submit(look) for _ in range(count)]:
            each.result()
