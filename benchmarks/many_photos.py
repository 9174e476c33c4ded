"""What a run over many photos costs beside the looking: Ray, listing, and finding out what is done.

    python -m benchmarks.many_photos --photos 200 --names 1000000

Photos are noise. The names are those of no photos: an output that says that it has them is made up, and a run over them
must find that nothing is missing.
"""

from __future__ import annotations

import argparse
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow
from PIL import Image

from freeseg.distributed import Block, Outcome, Parts, Plan, mask_plan, missing_blocks, photo_references
from freeseg.distributed.blocks import MOST_PHOTOS
from freeseg.distributed.drivers import in_this_process
from freeseg.distributed.on_ray import cluster, on_ray
from freeseg.distributed.segmenting import mask_schema
from freeseg.system import available_cores

LABELS = "cat, dog, person, car, tree"


def _photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(noise).resize((500, 375)).save(folder / f"{number:06}.jpg")
    return folder


def _blocks(arguments: list[str], plan: Plan, out: Path, size: int) -> Iterable[Block]:
    return missing_blocks(photo_references(arguments), plan, Parts(str(out)), size=size)


def _rate(outcomes: Iterable[Outcome]) -> str:
    begun = time.monotonic()
    count = sum(each.photos for each in outcomes)
    return f"{count / (time.monotonic() - begun):.2f} photos/s"


def _drivers(folder: Path, count: int, plan: Plan) -> None:
    photos = [str(_photos(folder / "photos", count))]
    threads, size = available_cores(), 16
    for name in ("plain", "ray"):
        out = folder / name
        if name == "plain":
            done = in_this_process(_blocks(photos, plan, out, size), plan, str(out), threads=threads)
            print(f"in this process, {threads} threads: {_rate(done)}")
            continue
        begun = time.monotonic()
        with Parts(str(out)).begun(plan), cluster():
            print(f"Ray starts in {time.monotonic() - begun:.1f} s")
            print(f"Ray, with loading the models: {_rate(on_ray(_blocks(photos, plan, out, size), plan, str(out)))}")


def _resuming(folder: Path, count: int, plan: Plan) -> None:
    listed, out = folder / "list.txt", folder / "out"
    listed.write_text("".join(f"https://example.org/{number:09}.jpg\n" for number in range(count)))
    names, parts = [f"@{listed}"], Parts(str(out))
    _timed("listing", lambda: sum(1 for _ in photo_references(names)))
    for block in _blocks(names, plan, out, MOST_PHOTOS):
        rows = [{"photo": photo.photo} for photo in block.photos]
        parts.write(block.name, pyarrow.Table.from_pylist(rows, schema=mask_schema()))
    _timed("finding that all is done", lambda: len(list(_blocks(names, plan, out, MOST_PHOTOS))))
    listed.write_text("https://example.org/new.jpg\n" + listed.read_text())
    _timed("finding one new photo", lambda: sum(len(b.photos) for b in _blocks(names, plan, out, MOST_PHOTOS)))


def _timed(what: str, work: Callable[[], int]) -> None:
    begun = time.monotonic()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {time.monotonic() - begun:.1f} s, gives {result:,}; peak of the process {peak:.0f} MB")


def main() -> None:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--names", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(f"{available_cores()} cores of {platform.machine()}")
    plan = mask_plan(LABELS, model="freeseg-lite")
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        _drivers(Path(folder), asked.photos, plan)
        _resuming(Path(folder), asked.names, plan)


if __name__ == "__main__":
    main()
