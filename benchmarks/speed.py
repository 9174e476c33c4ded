"""Photos per second, and the share of the machine's peak that this is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import freeseg
from benchmarks import machine, photos
from benchmarks.photos import LABELS, SIZE
from benchmarks.scale import Scale
from benchmarks.tables import giga, table
from benchmarks.timing import in_turns
from freeseg.engines.choose import require_torch
from freeseg.errors import PhotoError
from freeseg.photos import fit_short_side
from freeseg.results.saving import save_in_background

PEAK = "peak"


def section(scale: Scale, folder: Path) -> list[str]:
    """A folder of photos to files, to masks, through the image tower alone; a matrix product beside them."""
    model, paths = freeseg.load(engine="torch"), photos.usual(folder, scale.photos)
    seen = model.config.preprocessing
    width, height = fit_short_side(SIZE, seen.short_side, long_cap=seen.long_cap)
    pixels = torch.zeros(1, 3, height, width, dtype=torch.uint8)
    tower = torch.inference_mode()(require_torch(model.engine).model.features)
    alone = f"its image tower alone, at {width}x{height}"
    works: dict[str, Callable[[], object]] = {
        "`freeseg segment`: JPEGs to overlays, masks and JSON": partial(_to_files, model, paths, folder / "results"),
        "`model.stream`: JPEGs to masks": partial(_to_masks, model, paths),
        alone: lambda: [tower(pixels) for _ in paths],
        f"{alone}, a photo a core at once": partial(_a_photo_a_core, tower, pixels, len(paths)),
    }
    product, product_flops = machine.matrix_product()
    words = model.embed_vocabulary(LABELS)
    to_mask = machine.flops(lambda: model.maps(model.prepare(paths[0]), words))
    flops = [to_mask, to_mask, *[machine.flops(lambda: tower(pixels))] * 2]
    seconds = in_turns({**works, PEAK: product}, scale.repeats)
    peak = product_flops / seconds[PEAK]
    rows = [
        [
            name,
            f"{len(paths) / seconds[name]:.1f}",
            f"{seconds[alone] / seconds[name]:.2f}",
            giga(operations),
            f"{len(paths) * operations / seconds[name] / peak:.0%}",
        ]
        for name, operations in zip(works, flops, strict=True)
    ]
    return [
        "## Speed",
        "",
        f"A folder of {len(paths)} photos of {SIZE[0]}x{SIZE[1]}, {len(LABELS)} labels, all cores. Share of peak: "
        "operations of convolutions and matrix products a second, against those of a product of two "
        f"{machine.SIDE}x{machine.SIDE} float32 matrices in the same turns: {giga(peak)} GFLOP/s.",
        "",
        *table(["what", "photos/s", "times the tower's speed", "GFLOP a photo", "share of peak"], rows),
    ]


def _to_files(model: freeseg.FreeSeg, paths: list[Path], out: Path) -> None:
    stems = [path.stem for path in paths]
    for _, result in save_in_background(zip(stems, model.stream(paths, LABELS), strict=True), out):
        if isinstance(result, PhotoError):
            raise result


def _to_masks(model: freeseg.FreeSeg, paths: list[Path]) -> None:
    for _ in model.stream(paths, LABELS):
        pass


def _a_photo_a_core(tower: Callable[[Tensor], Tensor], pixels: Tensor, count: int) -> None:
    """As many photos at once as there are cores, one thread each: what splitting one photo over cores costs."""
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(tower, [pixels] * count))
    torch.set_num_threads(threads)  # the workers have set what new threads start with
