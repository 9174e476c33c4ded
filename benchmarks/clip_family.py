"""Speed and memory of the CLIP family's dense modes, beside a plain forward of transformers.

python -m benchmarks.clip_family --out docs/benchmarks/models-speed.md    # some minutes, on an idle machine
python -m benchmarks.clip_family --quick                       # a check that everything runs

The models have random weights of the true sizes: speed does not depend on the weights.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks import machine, memory
from benchmarks.embedders import COMPARED, MODELS, PLAIN, SURGERY, embedder, picture
from benchmarks.memory import COLUMNS, NOTE, Peak
from benchmarks.page import deliver, head
from benchmarks.tables import giga, megabytes, ms, table
from benchmarks.timing import in_turns
from freeseg.models.towers.transformer.dense import MODES

MOST_TIME, MOST_MEMORY = 1.3, 1.2  # what surgery may take at most, as a multiple of a plain forward's
# Freed memory goes back to the system at once. Otherwise the peak is what malloc happens to keep: the same forward
# was measured at 70 MB and at 130 MB.
RETURNED = {"MALLOC_MMAP_THRESHOLD_": "65536"}


class Scale(NamedTuple):
    """How much is measured: side of the square pictures in pixels, turns of a comparison, models."""

    side: int
    repeats: int
    models: tuple[str, ...]


FULL = Scale(512, 7, tuple(MODELS))
QUICK = Scale(64, 1, ("CLIP ViT-B/32",))


def peak(model: str, mode: str, side: int) -> Peak:
    """The peak memory of one embedding, in a process of its own."""
    arguments = ("--peak", model, mode, "--side", str(side))
    return memory.in_a_process("benchmarks.clip_family", *arguments, environment=RETURNED)


def _print_peak(model: str, mode: str, side: int) -> None:
    network = MODELS[model]()
    embed, pixels = embedder(network, mode), picture(network, side)
    memory.print_peak(torch.inference_mode()(lambda: embed(pixels)))


@torch.inference_mode()
def against_plain(scale: Scale) -> list[str]:
    """Surgery and a plain forward of the same weights, in turns; memory of each in a fresh process."""
    network = MODELS[COMPARED]()
    pixels = picture(network, scale.side)
    works = {mode: partial(embedder(network, mode), pixels) for mode in (PLAIN, SURGERY)}
    seconds = in_turns(works, scale.repeats)
    peaks = {mode: peak(COMPARED, mode, scale.side) for mode in works}
    time, space = seconds[SURGERY] / seconds[PLAIN], peaks[SURGERY].above / peaks[PLAIN].above
    kept = time <= MOST_TIME and space <= MOST_MEMORY
    rows = [
        [mode, ms(seconds[mode]), f"{seconds[mode] / seconds[PLAIN]:.2f}", *peaks[mode].cells(), f"{share:.2f}"]
        for mode, share in ((PLAIN, 1.0), (SURGERY, space))
    ]
    return [
        "## Surgery against a plain forward",
        "",
        f"{COMPARED}, one picture of {pixels.shape[3]}x{pixels.shape[2]}, in turns on the same weights. Plain is "
        "transformers' `CLIPVisionModelWithProjection`, one embedding for the whole picture. Surgery gives one for "
        "each patch, from a second path through the last six blocks; the last block's own path, on which no patch "
        "depends, is left out.",
        "",
        *table(["what", "ms", "times plain's time", *COLUMNS, "times plain's, above the model"], rows),
        "",
        f"At most {MOST_TIME} times the time and {MOST_MEMORY} times the memory: {'kept' if kept else '**missed**'}.",
    ]


@torch.inference_mode()
def modes_of(model: str, scale: Scale) -> list[str]:
    """Every dense mode of a model: time and memory, as they are and per megapixel."""
    network = MODELS[model]()
    pixels = picture(network, scale.side)
    megapixels = pixels.shape[2] * pixels.shape[3] / 1e6
    works = {mode: partial(embedder(network, mode), pixels) for mode in (PLAIN, *MODES)}
    seconds = in_turns(works, max(1, scale.repeats // 2))
    rows = []
    for mode, work in works.items():
        above, whole, _ = peak(model, mode, scale.side)
        rows.append(
            [
                mode,
                giga(machine.flops(work)),
                ms(seconds[mode]),
                ms(seconds[mode] / megapixels),
                f"{seconds[mode] / seconds[PLAIN]:.2f}",
                megabytes(above),
                megabytes(above / megapixels),
                megabytes(whole),
            ]
        )
    columns = ["mode", "GFLOP", "ms", "ms a megapixel", "times plain", COLUMNS[0], "a megapixel", COLUMNS[1]]
    return [f"## {model}, {pixels.shape[3]}x{pixels.shape[2]}", "", *table(columns, rows)]


def page(scale: Scale) -> str:
    """All measurements as Markdown."""
    clock = machine.Clock.now()
    sections = [against_plain(scale), *(modes_of(model, scale) for model in scale.models)]
    first = [
        *head("Speed and memory of the CLIP family", "benchmarks.clip_family", clock),
        "",
        "Random weights of the true sizes, float32, one square picture at a time, image towers only. Times are medians "
        f"of turns in which each mode runs once. {NOTE.partition(', set back')[0]}, set back once the model is built; "
        f"freed tensors are returned at once ({'='.join(*RETURNED.items())}), so that it is the same on every run. "
        "Attention grows with the square of the number of patches, so a megapixel in one picture costs more than in "
        "several; long photos go through in windows.",
    ]
    return "\n\n".join("\n".join(lines) for lines in [first, *sections]) + "\n"


def main() -> None:
    """Measure everything, or one peak in this process, as the arguments ask."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clip_family", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--quick", action="store_true", help="one model, small pictures: the numbers mean nothing")
    parser.add_argument("--side", type=int, default=0, help=f"side of the pictures (default {FULL.side})")
    parser.add_argument("--peak", nargs=2, metavar=("MODEL", "MODE"), help="print one peak as JSON and nothing else")
    asked = parser.parse_args()
    scale = QUICK if asked.quick else FULL
    scale = scale._replace(side=asked.side or scale.side)
    if asked.peak:
        model, mode = asked.peak
        _print_peak(model, mode, scale.side)
    else:
        deliver(page(scale), asked.out)


if __name__ == "__main__":
    main()
