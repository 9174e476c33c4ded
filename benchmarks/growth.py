"""How time and memory grow with photos, model input, labels and folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import freeseg
from benchmarks import memory, photos
from benchmarks.effort import Effort
from benchmarks.photos import LABELS, words
from benchmarks.tables import ms, table
from benchmarks.timing import in_turns

TIME = ("ms a photo", "times the first")


def at_short_side(model: freeseg.FreeSeg, short_side: int) -> freeseg.FreeSeg:
    """The model, seeing photos at another size."""
    seen = replace(model.config.preprocessing, short_side=short_side)
    return freeseg.FreeSeg(model.model, replace(model.config, preprocessing=seen))


def section(effort: Effort, folder: Path) -> list[str]:
    """Four tables."""
    model = freeseg.load()
    return [
        "## Growth",
        "",
        f"JPEGs to overlays, masks and JSON; {len(LABELS)} labels where nothing else is said. {memory.NOTE}",
        "",
        *_photo_size(model, effort, folder),
        "",
        *_short_side(model, effort, folder),
        "",
        *_labels(model, effort, folder),
        "",
        *_folders(effort, folder),
    ]


def _photo_size(model: freeseg.FreeSeg, effort: Effort, folder: Path) -> list[str]:
    paths = {size: photos.sized(folder, size) for size in effort.megapixels}
    seconds = in_turns({size: _work(model, path, LABELS) for size, path in paths.items()}, effort.fewer)
    peaks = {size: memory.segmenting([path]) for size, path in paths.items()}
    return _grown("photo", {f"{size:g} megapixels": (seconds[size], peaks[size]) for size in paths})


def _short_side(model: freeseg.FreeSeg, effort: Effort, folder: Path) -> list[str]:
    path = photos.sized(folder, 0.3)
    sides = effort.short_sides
    seconds = in_turns({side: _work(at_short_side(model, side), path, LABELS) for side in sides}, effort.fewer)
    peaks = {side: memory.segmenting([path], short_side=side) for side in sides}
    shipped = model.config.preprocessing.short_side
    names = {side: f"{side}, the model's own" if side == shipped else str(side) for side in sides}
    return _grown("short side seen, photo of 0.3 megapixels", {names[s]: (seconds[s], peaks[s]) for s in sides})


def _labels(model: freeseg.FreeSeg, effort: Effort, folder: Path) -> list[str]:
    path, counts = photos.sized(folder, 0.3), effort.labels
    text = in_turns({count: partial(_embed, model, count) for count in counts}, effort.fewer)
    seconds = in_turns({count: _work(model, path, words(count)) for count in counts}, effort.fewer)
    peaks = {count: memory.segmenting([path], labels=count) for count in counts}
    rows = [
        [f"{count:,}", ms(text[count]), *_time(seconds[count], seconds[counts[0]]), *peaks[count].cells()]
        for count in counts
    ]
    return table(["labels, photo of 0.3 megapixels", "text, first time, ms", *TIME, *memory.COLUMNS], rows)


def _folders(effort: Effort, folder: Path) -> list[str]:
    paths = photos.usual(folder, max(effort.folders))
    rows = []
    for count in effort.folders:
        peak = memory.segmenting(paths[:count])
        rows.append([str(count), f"{peak.seconds:.1f}", *peak.cells()])
    return table(["photos in the folder", "s in all", *memory.COLUMNS], rows)


def _work(model: freeseg.FreeSeg, path: Path, labels: Sequence[str]) -> Callable[[], object]:
    return lambda: model.segment(path, labels).save(path.parent / "results")


def _embed(model: freeseg.FreeSeg, count: int) -> None:
    model.words.cache_clear()
    model.words(freeseg.Vocabulary.of(words(count)))


def _grown(what: str, measured: dict[str, tuple[float, memory.Peak]]) -> list[str]:
    first = next(iter(measured.values()))[0]
    rows = [[name, *_time(seconds, first), *peak.cells()] for name, (seconds, peak) in measured.items()]
    return table([what, *TIME, *memory.COLUMNS], rows)


def _time(seconds: float, first: float) -> list[str]:
    return [ms(seconds), f"{seconds / first:.2f}"]
