"""What a run over many photos costs beside the looking: Ray, listing, and finding out what is done.

    python -m benchmarks.many_photos --photos 200 --names 1000000
    python -m benchmarks.many_photos --memory 1000,10000,50000
    python -m benchmarks.many_photos --memory 1000,10000 --free-masks
    python -m benchmarks.many_photos --rows

The second looks at small photos in one process for each number of them, and says how much memory each has taken; the
third makes free masks of them. The last says how many bytes a photo has in the output; its photos are some of
scikit-image's. Otherwise photos are noise. The names are those of no photos: an output that says that it has them is
made up, and a run over them must find that nothing is missing.
"""

from __future__ import annotations

import argparse
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow
import skimage.data
from PIL import Image

from freeseg.distributed import (
    Block,
    Outcome,
    Parts,
    Plan,
    embedding_plan,
    free_mask_plan,
    mask_plan,
    missing_blocks,
    photo_references,
)
from freeseg.distributed.blocks import MOST_PHOTOS
from freeseg.distributed.drivers import in_this_process
from freeseg.distributed.on_ray import cluster, on_ray
from freeseg.distributed.segmenting import mask_schema
from freeseg.labelling.photo import LabellingOptions
from freeseg.system import available_cores
from freeseg.words import Vocabulary

DRAWN = 1_000  # small photos; the others are these under other names
SHOWN = ("chelsea", "coffee", "astronaut", "rocket")  # photos of scikit-image
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


def _free_masks(views: tuple[int, ...] = ()) -> Plan:
    return free_mask_plan(LabellingOptions(Path(), Vocabulary.of(LABELS), "freeseg-lite", views=views))


def _memory(count: int, free_masks: bool) -> None:
    """Segment small photos, many of which are the same file, and say the peak of the process's memory."""
    plan = _free_masks(views=(64,)) if free_masks else mask_plan(LABELS, model="freeseg-lite", short_side=64)
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        photos, out = Path(folder, "photos"), Path(folder, "out")
        photos.mkdir()
        for number in range(count):
            path, first = photos / f"{number:06}.jpg", photos / f"{number % DRAWN:06}.jpg"
            if number < DRAWN:
                Image.fromarray(np.random.default_rng(number).integers(0, 256, (60, 80, 3), np.uint8)).save(path)
            else:
                path.hardlink_to(first)
        with Parts(str(out)).begun(plan):
            blocks = _blocks([str(photos)], plan, out, MOST_PHOTOS)
            done = sum(each.photos for each in in_this_process(blocks, plan, str(out), threads=available_cores()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{done:,} small photos: peak of the process {peak:.0f} MB", flush=True)


def _rows() -> None:
    """Say how many bytes a photo has in a part, of masks, of embeddings and of free masks."""
    plans = mask_plan(LABELS, model="freeseg-lite"), embedding_plan(model="freeseg-lite"), _free_masks()
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        photos = Path(folder, "photos")
        photos.mkdir()
        for name in SHOWN:
            Image.fromarray(getattr(skimage.data, name)()).save(photos / f"{name}.jpg")
        for plan in plans:
            out = Path(folder, plan.kind)
            list(in_this_process(_blocks([str(photos)], plan, out, len(SHOWN)), plan, str(out)))
            bytes_ = sum(path.stat().st_size for path in out.glob("*.parquet")) / len(SHOWN)
            print(f"{plan.kind}: {bytes_ / 1000:,.1f} KB a photo")


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
    parser.add_argument("--memory", default="", help="numbers of small photos, separated by commas")
    parser.add_argument("--free-masks", action="store_true", help="with --memory: label, and do not segment")
    parser.add_argument("--rows", action="store_true")
    asked = parser.parse_args()
    if asked.memory:
        for count in map(int, asked.memory.split(",")):
            process = get_context("spawn").Process(target=_memory, args=(count, asked.free_masks))  # a peak of its own
            process.start()
            process.join()
        return
    if asked.rows:
        _rows()
        return
    print(f"{available_cores()} cores of {platform.machine()}")
    plan = mask_plan(LABELS, model="freeseg-lite")
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        _drivers(Path(folder), asked.photos, plan)
        _resuming(Path(folder), asked.names, plan)


if __name__ == "__main__":
    main()
