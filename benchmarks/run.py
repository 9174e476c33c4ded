"""Speed and memory of FreeSeg-Lite, side by side in one run.

    python benchmarks/run.py --out docs/performance.md

Every comparison alternates its two sides, photo batch by photo batch, and reports the ratio of the medians,
so that a machine that is busy for a moment slows both.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from transformers import CLIPVisionConfig, CLIPVisionModel

import freeseg
from freeseg.files import write_text
from freeseg.images import fit_short_side
from freeseg.vocabularies import vocabulary

SIZE = (500, 375)  # the usual VOC photo
LABELS = ["person|man|woman", "cat", "dog", "cup", "tower", "flower", "tree", "sky"]
REPEATS = 5


def photos(folder: Path, count: int) -> list[Path]:
    """`count` JPEGs: crops of photos that scikit-image and scikit-learn ship."""
    sources = [skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut(), *load_sample_images().images]
    rng, paths = np.random.default_rng(0), []
    for index in range(count):
        source = Image.fromarray(sources[index % len(sources)])
        left, top = rng.uniform(0, 0.2, 2)
        box = (left * source.width, top * source.height, (left + 0.8) * source.width, (top + 0.8) * source.height)
        path = folder / f"{index:03d}.jpg"
        source.resize(SIZE, box=box).save(path, quality=92)
        paths.append(path)
    return paths


def side_by_side(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of each, run in turns."""
    first(), second()  # warm up
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS):
        for work, taken in zip((first, second), times, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


@torch.inference_mode()
def speed(count: int) -> list[str]:
    """Photos per second of `segment`, of a plain forward of its tower, and of a CLIP ViT-B/16."""
    model = freeseg.load()
    with tempfile.TemporaryDirectory() as name:
        paths = photos(Path(name), count)
        width, height = fit_short_side(SIZE, model.config.preprocessing.short_side)
        pixels = torch.zeros(1, 3, height, width, dtype=torch.uint8)
        segment, tower = side_by_side(
            lambda: model.segment(list(paths), LABELS), lambda: [model.model.features(pixels) for _ in paths]
        )
    clip = CLIPVisionModel(CLIPVisionConfig(patch_size=16, image_size=224)).eval()
    grid = (round(width / 16) * 16, round(height / 16) * 16)
    normalised = torch.zeros(1, 3, grid[1], grid[0])
    ours, theirs = side_by_side(
        lambda: [model.model.embed_image(pixels) for _ in range(10)],
        lambda: [clip(normalised, interpolate_pos_encoding=True) for _ in range(10)],
    )
    return [
        "| what | photos/s | ratio |",
        "|---|---|---|",
        f"| `segment`, a folder of {count} JPEGs of {SIZE[0]}x{SIZE[1]}, {len(LABELS)} labels, decoding included "
        f"| {count / segment:.1f} | {tower / segment:.2f} of the plain forward |",
        f"| plain forward of its image tower at {width}x{height} | {count / tower:.1f} | 1 |",
        f"| patch embeddings of FreeSeg-Lite at {width}x{height} | {10 / ours:.1f} "
        f"| {theirs / ours:.1f} times CLIP's speed |",
        f"| patch features of CLIP ViT-B/16 (transformers, random weights) at {grid[0]}x{grid[1]} "
        f"| {10 / theirs:.1f} | 1 |",
    ]


def memory() -> list[str]:
    """Peak memory of one `segment` call, a fresh process for each number of labels."""
    rows = ["| labels | peak memory above the loaded model | whole process |", "|---|---|---|"]
    for labels in (1, 20, 1000):
        command = [sys.executable, __file__, "--peak", str(labels)]
        above, whole = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        rows.append(f"| {labels:,} | {above} MB | {whole} MB |")
    return rows


def peak(labels: int) -> None:
    """Print the peak memory (MB) of segmenting one photo with so many labels."""
    model = freeseg.load()
    names = [name for name, _ in zip(_names(), range(labels), strict=False)]
    model.words(freeseg.Vocabulary.of(names))
    Path("/proc/self/clear_refs").write_text("5")  # the peak of loading the weights does not count
    before = _status("VmRSS")
    model.segment(Image.fromarray(skimage.data.coffee()).resize((640, 480)), names)
    print(f"{_status('VmHWM') - before:.0f} {_status('VmHWM'):.0f}")


def _status(entry: str) -> float:
    """An entry of Linux's account of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{entry}:"))


def _names() -> list[str]:
    common = list(vocabulary("common").names)
    return common + [f"{first} {second}" for first in common[:40] for second in common[100:140]]


def machine() -> str:
    """What this was measured on."""
    name = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.is_file():
        name = next((line.split(":")[1].strip() for line in cpu.read_text().splitlines() if "model name" in line), name)
    return f"{name}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads"


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        peak(arguments.peak)
        return
    lines = ["# Performance", "", 'Written by `make bench ARGS="--out docs/performance.md"`; not edited by hand.', ""]
    lines += [f"Machine: {machine()}.", "", "## Speed", "", *speed(arguments.photos), ""]
    lines += ["## Memory", "", "One 640x480 photo.", "", *memory()]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out:
        write_text(arguments.out, text)


if __name__ == "__main__":
    main()
