"""Do one piece of work and print its peak memory.

    python -m benchmarks.peak segment photo.jpg --labels 20

prints JSON: MB above what the loaded model takes, MB of the whole process, seconds of the work.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

import freeseg
from benchmarks import against, growth
from benchmarks.memory import CLEAR, STATUS, Peak
from benchmarks.photos import LABELS, words
from freeseg.errors import PhotoError
from freeseg.results.saving import saved


def peak(work: Callable[[], object]) -> Peak:
    """The peak of this process while it works."""
    CLEAR.write_text("5")  # sets the peak back to what is in use now
    before, start = _status("VmRSS"), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return Peak(_status("VmHWM") - before, _status("VmHWM"), seconds)


def _status(entry: str) -> float:
    """An entry of Linux's account of this process, in MB."""
    return next(int(line.split()[1]) / 1024 for line in STATUS.read_text().splitlines() if line.startswith(f"{entry}:"))


def _segmenting(photos: Sequence[Path], labels: int | None, short_side: int | None) -> Callable[[], object]:
    model = freeseg.load()
    if short_side:
        model = growth.at_short_side(model, short_side)
    chosen = words(labels) if labels else LABELS

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            stems = [path.stem for path in photos]
            for _, result in saved(zip(stems, model.stream(photos, chosen), strict=True), folder):
                if isinstance(result, PhotoError):
                    raise result

    return work


def _embedding(system: str, side: int) -> Callable[[], object]:
    embed, pixels = against.SYSTEMS[system](), torch.zeros(1, 3, side, side)
    return torch.inference_mode()(lambda: embed(pixels))


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["segment", *against.SYSTEMS])
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--labels", type=int)
    parser.add_argument("--side", type=int)
    asked = parser.parse_args()
    if asked.what == "segment":
        work = _segmenting(asked.photos, asked.labels, asked.side)
    else:
        work = _embedding(asked.what, asked.side)
    print(json.dumps(peak(work)))


if __name__ == "__main__":
    main()
