"""Peak memory of a piece of work, each in a process of its own (`benchmarks/peak.py`)."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
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


def segmenting(photos: Sequence[Path], labels: int | None = None, short_side: int | None = None) -> Peak:
    """Peak of segmenting photos and writing the results, as `freeseg segment` does."""
    options = [f"--labels={labels}"] * bool(labels) + [f"--side={short_side}"] * bool(short_side)
    return _measure("segment", *map(str, photos), *options)


def embedding(system: str, side: int) -> Peak:
    """Peak of the patch embeddings of one square picture, by one of `against.SYSTEMS`."""
    return _measure(system, f"--side={side}")


def _measure(*arguments: str) -> Peak:
    if not CLEAR.exists():  # not Linux
        return Peak(math.nan, math.nan, math.nan)
    command = [sys.executable, "-m", "benchmarks.peak", *arguments]
    return Peak(*json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
