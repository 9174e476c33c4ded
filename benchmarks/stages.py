"""Where the time of a photo goes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import freeseg
from benchmarks import photos
from benchmarks.photos import LABELS, SIZE
from benchmarks.scale import Scale
from benchmarks.tables import ms, table
from freeseg import pipeline
from freeseg.decision import masks
from freeseg.models.iclip import ICLIP
from freeseg.photos import reading
from freeseg.results.segmentation import Segmentation

REST = "the rest"
# What a stage is: calls of these functions, less the stages that they call.
STAGES: dict[str, list[tuple[Any, str]]] = {
    "decode": [(pipeline, "read_resized")],
    "resize": [(reading, "resize"), (pipeline, "to_array")],
    "image tower": [(ICLIP, "features")],
    "projection and similarity": [(pipeline.FreeSeg, "maps")],
    "decision: presence, winner of each pixel": [(pipeline.FreeSeg, "decide")],
    "decision: refinement (PAMR)": [(masks, "pamr")],
    "write: draw the overlay": [(Segmentation, "overlay")],
    "write: JSON with areas and RLE": [(Segmentation, "to_dict")],
    "write: JPEG, PNG, disk": [(Segmentation, "save")],
}


class Stopwatch:
    """Wall-clock seconds by stage. While a stage runs, the stage that called it stands still.

    Works across threads as long as they wait for one another.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, as a stage."""

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return run

    def _charge(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def section(scale: Scale, folder: Path) -> list[str]:
    """Milliseconds of each stage, photo after photo; and what is paid once."""
    model = freeseg.load()
    paths = photos.usual(folder, scale.photos)
    model.segment(paths[0], LABELS)  # warm up
    taken = [_one_photo(model, path, folder / "results") for _ in range(scale.fewer) for path in paths]
    medians = {stage: median(photo[stage] for photo in taken) for stage in [*STAGES, REST]}
    total = sum(medians.values())
    rows = [[stage, ms(seconds), f"{seconds / total:.1%}"] for stage, seconds in medians.items()]
    once = [
        ["start: import, check and load the weights", ms(_start(scale.fewer))],
        [
            f"text: {len(LABELS)} labels and the background words, in 4 sentences each, nothing kept from before",
            ms(_text(model, scale.fewer)),
        ],
    ]
    return [
        "## Stages",
        "",
        f"One photo of {SIZE[0]}x{SIZE[1]} after another, nothing at the same time: a folder goes faster, since the "
        "next photo is decoded meanwhile. Medians.",
        "",
        *table(["stage", "ms a photo", "share"], [*rows, ["**all**", ms(total), ""]]),
        "",
        *table(["once", "ms"], once),
    ]


def _one_photo(model: freeseg.FreeSeg, path: Path, out: Path) -> dict[str, float]:
    watch = Stopwatch()
    with ExitStack() as patches:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                patches.enter_context(patch.object(owner, name, watch.timed(stage, getattr(owner, name))))
        with watch.stage(REST):
            model.segment(path, LABELS).save(out)
    return watch.seconds


def _start(repeats: int) -> float:
    """Seconds from nothing to a loaded model, in a fresh process."""

    def start() -> float:
        before = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import freeseg; freeseg.load()"], check=True)
        return time.perf_counter() - before

    return median(start() for _ in range(repeats))


def _text(model: freeseg.FreeSeg, repeats: int) -> float:
    """Seconds to embed a vocabulary for the first time."""

    def embed() -> float:
        forgetful = model.with_config(model.config)
        before = time.perf_counter()
        forgetful.embed_vocabulary(LABELS)
        return time.perf_counter() - before

    return median(embed() for _ in range(repeats))
