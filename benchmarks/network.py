"""A segmentation network beside its teacher: photos a second, and mIoU, at several sizes and precisions.

python -m benchmarks.network --out docs/benchmarks/network-speed.md --data VOC_FOLDER
python -m benchmarks.network --quick    # a check that everything runs

The first needs a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch

import freeseg
from benchmarks import machine, photos
from benchmarks.page import deliver, head
from benchmarks.tables import ms, table
from benchmarks.timing import in_turns
from freeseg.data.segmentation import open_dataset
from freeseg.evaluation import evaluate
from freeseg.evaluation.measure import evenly_spaced
from freeseg.evaluation.protocols import Protocol
from freeseg.export import export
from freeseg.models import DEFAULT, TEACHER
from freeseg.models.devices import cpu_supports
from freeseg.pipeline import FreeSeg
from freeseg.words import vocabulary

WORDS = vocabulary("voc21")
SIDES = (0, 288, 256, 224)
FULL, HALF = "float32", "bfloat16"
FULL_FILE, EIGHT_BITS = "float32, onnxruntime", "int8, onnxruntime"  # by a file of `freeseg export`
REST = 0.3  # seconds between rows: two runtimes


class Row(NamedTuple):
    """A model as it is measured; a short side of 0 is the model's own."""

    model: str
    short_side: int = 0
    precision: str = FULL

    def load(self, files: Mapping[str, Path] = MappingProxyType({})) -> FreeSeg:
        """The model; `files` are those of the network, by their precision, where a row needs one."""
        side = self.short_side or None
        if self.precision in (FULL_FILE, EIGHT_BITS):
            return freeseg.load(self.model, short_side=side, onnx=files[self.precision])
        return freeseg.load(self.model, engine="torch", precision=self.precision, short_side=side)


class Scale(NamedTuple):
    """How much is measured: photos of a turn, turns, photos that 8 bits are calibrated on, photos with masks."""

    photos: int = 12
    repeats: int = 7
    calibration: int = 20
    limit: int | None = None


QUICK = Scale(2, 1, 2, 3)


def rows() -> list[Row]:
    """What is measured; the first is what the others are compared with."""
    found = [Row(TEACHER), *(Row(DEFAULT, side) for side in SIDES)]
    if cpu_supports(torch.bfloat16):
        found += [Row(TEACHER, precision=HALF), *(Row(DEFAULT, side, HALF) for side in SIDES)]
    return [*found, *(Row(DEFAULT, side, file) for file in (FULL_FILE, EIGHT_BITS) for side in SIDES)]


def measured(chosen: Sequence[Row], data: Path | None, scale: Scale) -> list[str]:
    """The table: JPEG files to masks in memory; and mIoU where there is data."""
    with tempfile.TemporaryDirectory() as temporary:
        needed = any(row.precision in (FULL_FILE, EIGHT_BITS) for row in chosen)
        files = _files(Path(temporary) / "files", scale.calibration) if needed else {}
        models = {row: row.load(files) for row in chosen}
        paths = photos.usual(Path(temporary), scale.photos)
        seconds = in_turns(
            {row: partial(_all, model, paths) for row, model in models.items()}, scale.repeats, rest=REST
        )
    lines = []
    for row, model in models.items():
        each = seconds[row] / scale.photos
        side = str(model.config.preprocessing.short_side)
        speed = [ms(each), f"{1 / each:.1f}", f"{seconds[chosen[0]] / seconds[row]:.2f}"]
        scores = [f"{_miou(model, data, name, scale):.1f}" for name in ("voc20", "voc21")] if data else []
        lines.append([row.model, side, row.precision, *speed, *scores])
    scored = ["VOC20 mIoU", "VOC21 mIoU"] if data else []
    columns = ["model", "short side", "precision", "ms a photo", "photos/s", "times the first row", *scored]
    return table(columns, lines)


def _files(folder: Path, calibration: int) -> dict[str, Path]:
    """The network as ONNX files for any words, by their precision."""
    folder.mkdir()
    photos.usual(folder, calibration)
    written = export(freeseg.load(DEFAULT, engine="torch"), folder, calibrate=folder)
    return {FULL_FILE: written.path} | ({EIGHT_BITS: written.int8} if written.int8 else {})


def _all(model: FreeSeg, paths: Sequence[Path]) -> None:
    for _ in model.stream(paths, WORDS):
        pass


def _miou(model: FreeSeg, root: Path, name: str, scale: Scale) -> float:
    data, protocol = evenly_spaced(open_dataset(name, root), scale.limit), Protocol("freeseg")
    return evaluate(model, data, protocol).numbers()["mIoU"].value


def page(data: Path | None, scale: Scale) -> str:
    """All measurements as Markdown."""
    clock = machine.Clock.now()
    lines = measured(rows(), data, scale)
    photos_of = f" mIoU in percent, on {scale.limit or 'all'} photos of {data.name}." if data else ""
    what = [
        "",
        f"The same {scale.photos} JPEGs of {photos.SIZE[0]}x{photos.SIZE[1]}, file to mask, {len(WORDS.labels)} labels "
        f"and the background, by `FreeSeg.stream`. Medians of {scale.repeats} turns, after one that does not count; in "
        f"each of them each row rests for {REST} s and runs twice, and the second time counts. With onnxruntime, a "
        "file of `freeseg export` looks at the photos (`freeseg segment --onnx`); the one in 8 bits (`--int8`) was "
        "calibrated on crops of photos that libraries ship. `stream` has onnxruntime look at as many photos at once as "
        f"there are threads, up to four, and PyTorch at one with all threads.{photos_of}",
        "",
    ]
    return "\n".join([*head("The network and its teacher", "benchmarks.network", clock), *what, *lines]) + "\n"


def main() -> None:
    """Measure, then print the page or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--data", type=Path, help="VOC's layout, photos with masks: measure mIoU as well")
    parser.add_argument("--quick", action="store_true", help="few photos and turns: the numbers mean nothing")
    asked = parser.parse_args()
    deliver(page(asked.data, QUICK if asked.quick else Scale()), asked.out)


if __name__ == "__main__":
    main()
