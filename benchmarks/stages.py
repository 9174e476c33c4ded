"""Where the time of a photo goes.

python -m benchmarks.stages                                # the model as it is chosen on this machine
python -m benchmarks.stages --precision float32            # and in another precision
python -m benchmarks.stages --onnx FILE --onnx INT8_FILE   # and files that `freeseg export` wrote of it for any words
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import freeseg
from benchmarks import machine, photos
from benchmarks.page import deliver, head
from benchmarks.photos import LABELS, SIZE
from benchmarks.scale import QUICK, Scale
from benchmarks.tables import ms, table
from benchmarks.texts import first_time
from freeseg import pipeline, prepared
from freeseg.decision import masks
from freeseg.engines.onnx_session import Session
from freeseg.models.iclip import ICLIP
from freeseg.photos import large_jpegs, reading
from freeseg.results import writers
from freeseg.results.segmentation import Segmentation

REST, TOWER = "the rest", "image tower"
LARGE = 12  # megapixels
# What a stage is: calls of these functions, less the stages that they call.
STAGES: dict[str, list[tuple[Any, str]]] = {
    "decode": [(prepared, "read_resized")],
    "resize": [(reading, "resize"), (large_jpegs, "resize"), (prepared, "to_array")],
    TOWER: [(ICLIP, "features"), (Session, "__call__")],
    "projection and similarity": [(pipeline.FreeSeg, "maps")],
    "decision: presence, edges": [(pipeline.FreeSeg, "decide")],
    "decision: refinement (PAMR)": [(masks, "pamr")],
    "decision: winner of each pixel": [(masks, "most_probable")],
    "checks of the result": [(Segmentation, "__post_init__")],
    "write: decode in full what is drawn on": [(large_jpegs, "upright_rgb")],
    "write: draw the overlay": [(Segmentation, "overlay")],
    "write: JSON with areas and RLE": [(Segmentation, "to_dict")],
    "write: JPEG, PNG": [(writers, "encode_picture")],
    "write: names, disk": [(Segmentation, "save")],
}


class Stopwatch:
    """The process's seconds of processor time by stage. While a stage runs, the stage that called it stands still.

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
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def section(scale: Scale, folder: Path, files: Sequence[Path] = (), precision: str | None = None) -> list[str]:
    """Milliseconds of each stage, photo after photo; and what is paid once.

    Args:
        scale: How much is measured.
        folder: For what is written.
        files: ONNX files that are measured as well as what the model runs on here.
        precision: Of the model, where it is measured in another one than it runs in here as well.
    """
    model = freeseg.load(threads=1)
    models = {f"as it runs here ({model.engine.name}, {model.engine.precision})": model}
    if precision:
        models[precision] = freeseg.load(threads=1, precision=precision)
    models |= {path.name: freeseg.load(onnx=path, threads=1) for path in files}
    sizes = {f"{SIZE[0]}x{SIZE[1]}": photos.usual(folder, scale.photos)}
    sizes[f"{LARGE} megapixels"] = [photos.sized(folder, LARGE)]
    once = [
        ["start: import, check and load the weights", ms(_start(scale.fewer))],
        [
            f"text: {len(LABELS)} labels and the background words, in 4 sentences each, nothing kept from before",
            ms(first_time(LABELS, scale.fewer)),
        ],
    ]
    return [
        "## Stages",
        "",
        "Milliseconds of processor time of one photo after another, on one thread: others on the machine change it "
        "little. From a JPEG to an overlay, a mask and JSON. Medians. An ONNX file does the projection and the "
        "similarity with the tower.",
        "",
        *table(
            ["stage", *[f"{name}, {size}" for name in models for size in sizes]], _rows(models, sizes, scale, folder)
        ),
        "",
        *table(["once, wall clock", "ms"], once),
    ]


def _rows(
    models: dict[str, freeseg.FreeSeg], sizes: dict[str, list[Path]], scale: Scale, folder: Path
) -> list[list[str]]:
    """The lines of the table: each stage, all of them, and the tower's share."""
    columns = [_medians(each, paths, scale.fewer, folder) for each in models.values() for paths in sizes.values()]
    totals = [sum(column.values()) for column in columns]
    rows = [[stage, *[ms(column[stage]) for column in columns]] for stage in (*STAGES, REST)]
    rows.append(["**all**", *map(ms, totals)])
    shares = [f"{column[TOWER] / total:.0%}" for column, total in zip(columns, totals, strict=True)]
    return [*rows, ["the tower's share", *shares]]


def _medians(model: freeseg.FreeSeg, paths: list[Path], repeats: int, folder: Path) -> dict[str, float]:
    model.segment(paths[0], LABELS).save(folder / "results")  # warm up
    taken = [
        _one_photo(model, path, Path(tempfile.mkdtemp(dir=folder))) for _ in range(max(2, repeats)) for path in paths
    ]
    return {stage: median(photo[stage] for photo in taken) for stage in (*STAGES, REST)}


def _one_photo(model: freeseg.FreeSeg, path: Path, out: Path) -> dict[str, float]:
    watch = Stopwatch()
    with ExitStack() as patches:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                patches.enter_context(patch.object(owner, name, watch.timed(stage, getattr(owner, name))))
        with watch.stage(REST):
            model.segment(path, LABELS).save(out, path.stem)
    return watch.seconds


def _start(repeats: int) -> float:
    """Seconds from nothing to a loaded model, in a fresh process."""

    def start() -> float:
        before = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import freeseg; freeseg.load()"], check=True)
        return time.perf_counter() - before

    return median(start() for _ in range(repeats))


def main() -> None:
    """Measure, then print the page or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__.splitlines()[0])
    parser.add_argument("--onnx", type=Path, action="append", default=[], help="ONNX file to measure as well")
    parser.add_argument("--precision", help="measure the model in this precision as well")
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--quick", action="store_true", help="few photos and turns: the numbers mean nothing")
    arguments = parser.parse_args()
    os.environ["FREESEG_CACHE"] = "off"  # the words are embedded by every model anew
    clock = machine.Clock.now()
    with tempfile.TemporaryDirectory() as name:
        lines = section(QUICK if arguments.quick else Scale(), Path(name), arguments.onnx, arguments.precision)
    deliver("\n".join([*head("Stages", "benchmarks.stages", clock), "", *lines]) + "\n", arguments.out)


if __name__ == "__main__":
    main()
