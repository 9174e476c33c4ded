"""Load a model, do one piece of work and print the peak memory of this process; `benchmarks.memory` starts it.

    python -m benchmarks.memory_process segment photo.jpg --labels 20

prints JSON: MB above what the loaded model takes, MB of the whole process, seconds of the work.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import freeseg
from benchmarks.memory import print_peak
from benchmarks.photos import LABELS, words
from freeseg.errors import PhotoError
from freeseg.results.saving import save_in_background


def _segmenting(photos: Sequence[Path], labels: int | None, short_side: int | None) -> Callable[[], object]:
    model = freeseg.load(short_side=short_side)
    chosen = words(labels) if labels else LABELS

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            stems = [path.stem for path in photos]
            for _, result in save_in_background(zip(stems, model.stream(photos, chosen), strict=True), folder):
                if isinstance(result, PhotoError):
                    raise result

    return work


def _embedding(system: str, side: int) -> Callable[[], object]:
    import torch  # here: the plain installation segments without it, and its memory would count

    from benchmarks.embedders import SYSTEMS

    embed, pixels = SYSTEMS[system](), torch.zeros(1, 3, side, side)
    return torch.inference_mode()(lambda: embed(pixels))


def main() -> None:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", help="`segment`, or one of `embedders.SYSTEMS`")
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--labels", type=int)
    parser.add_argument("--side", type=int)
    asked = parser.parse_args()
    if asked.what == "segment":
        work = _segmenting(asked.photos, asked.labels, asked.side)
    else:
        work = _embedding(asked.what, asked.side)
    print_peak(work)


if __name__ == "__main__":
    main()
