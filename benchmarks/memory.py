"""Peak memory of a piece of work, each measured in a process of its own."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.tables import megabytes

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
COLUMNS = ("peak memory above the loaded model", "whole process")
NOTE = (
    "Memory is the peak of a fresh process, as Linux counts it (VmHWM), set back once the model is loaded: reading "
    "the weights does not count, embedding the words and writing the results do."
)


class Peak(NamedTuple):
    """What a process needed: MB above its loaded model, MB in all, and the seconds of the work."""

    above: float
    whole: float
    seconds: float

    def cells(self) -> list[str]:
        """The two `COLUMNS` of a table."""
        return [megabytes(self.above), megabytes(self.whole)]


def segmenting(photos: Sequence[Path], *, labels: int | None = None, short_side: int | None = None) -> Peak:
    """Peak of segmenting photos and writing the results, as `freeseg segment` does."""
    options = [f"--labels={labels}"] * bool(labels) + [f"--side={short_side}"] * bool(short_side)
    return in_a_process("benchmarks.memory_process", "segment", *map(str, photos), *options)


def embedding(system: str, side: int) -> Peak:
    """Peak of the patch embeddings of one square picture, by one of `embedders.SYSTEMS`."""
    return in_a_process("benchmarks.memory_process", system, f"--side={side}")


def in_a_process(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Peak:
    """The peak that `python -m module arguments` measures and prints (`print_peak`); NaN where there is no Linux."""
    if not CLEAR.exists():
        return Peak(math.nan, math.nan, math.nan)
    command = [sys.executable, "-m", module, *arguments]
    variables = {**os.environ, **(environment or {})}
    return Peak(*json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=variables).stdout))


def print_peak(work: Callable[[], object]) -> None:
    """Do the work and print the peak memory of this process meanwhile, as JSON."""
    CLEAR.write_text("5")  # sets the peak back to what is in use now
    before, start = _status("VmRSS"), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(json.dumps(Peak(_status("VmHWM") - before, _status("VmHWM"), seconds)))


def _status(entry: str) -> float:
    """An entry of Linux's account of this process, in MB."""
    return next(int(line.split()[1]) / 1024 for line in STATUS.read_text().splitlines() if line.startswith(f"{entry}:"))
