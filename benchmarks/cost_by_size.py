"""How time and memory grow with photos, model input, labels and folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import freeseg
from benchmarks import memory, photos
from benchmarks.photos import LABELS, words
from benchmarks.scale import Scale
from benchmarks.tables import ms, table
from benchmarks.texts import first_time
from benchmarks.timing import in_turns

TIME = ("ms a photo", "times the first")


def section(scale: Scale, folder: Path) -> list[str]:
    """The section of the page: one table for each of the four."""
    model = freeseg.load()
    return [
        "## Growth",
        "",
        f"JPEGs to overlays, masks and JSON; {len(LABELS)} labels where nothing else is said. {memory.NOTE}",
        "",
        *_photo_size(model, scale, folder),
        "",
        *_short_side(model, scale, folder),
        "",
        *_labels(model, scale, folder),
        "",
        *_folders(scale, folder),
    ]


def _photo_size(model: freeseg.FreeSeg, scale: Scale, folder: Path) -> list[str]:
    paths = {size: photos.sized(folder, size) for size in scale.megapixels}
    seconds = in_turns({size: _work(model, path, LABELS) for size, path in paths.items()}, scale.fewer)
    peaks = {size: memory.segmenting([path]) for size, path in paths.items()}
    return _table("photo", {f"{size:g} megapixels": (seconds[size], peaks[size]) for size in paths})


def _short_side(model: freeseg.FreeSeg, scale: Scale, folder: Path) -> list[str]:
    path = photos.sized(folder, 0.3)
    sides = scale.short_sides
    seconds = in_turns({side: _work(freeseg.load(short_side=side), path, LABELS) for side in sides}, scale.fewer)
    peaks = {side: memory.segmenting([path], short_side=side) for side in sides}
    shipped = model.config.preprocessing.short_side
    names = {side: f"{side}, the model's own" if side == shipped else str(side) for side in sides}
    return _table("short side seen, photo of 0.3 megapixels", {names[s]: (seconds[s], peaks[s]) for s in sides})


def _labels(model: freeseg.FreeSeg, scale: Scale, folder: Path) -> list[str]:
    path, counts = photos.sized(folder, 0.3), scale.labels
    text = {count: first_time(words(count), scale.fewer) for count in counts}
    seconds = in_turns({count: _work(model, path, words(count)) for count in counts}, scale.fewer)
    peaks = {count: memory.segmenting([path], labels=count) for count in counts}
    rows = [
        [f"{count:,}", ms(text[count]), *_time(seconds[count], seconds[counts[0]]), *peaks[count].cells()]
        for count in counts
    ]
    return table(["labels, photo of 0.3 megapixels", "text, first time, ms", *TIME, *memory.COLUMNS], rows)


def _folders(scale: Scale, folder: Path) -> list[str]:
    paths = photos.usual(folder, max(scale.folders))
    rows = []
    for count in scale.folders:
        peak = memory.segmenting(paths[:count])
        rows.append([str(count), f"{peak.seconds:.1f}", *peak.cells()])
    return table(["photos in the folder", "s in all", *memory.COLUMNS], rows)


def _work(model: freeseg.FreeSeg, path: Path, labels: Sequence[str]) -> Callable[[], object]:
    return lambda: model.segment(path, labels).save(path.parent / "results")


def _table(what: str, measured: dict[str, tuple[float, memory.Peak]]) -> list[str]:
    first = next(iter(measured.values()))[0]
    rows = [[name, *_time(seconds, first), *peak.cells()] for name, (seconds, peak) in measured.items()]
    return table([what, *TIME, *memory.COLUMNS], rows)


def _time(seconds: float, first: float) -> list[str]:
    return [ms(seconds), f"{seconds / first:.2f}"]
