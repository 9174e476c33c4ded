"""Speed and memory of the CLIP family's dense modes, beside a plain forward of transformers.

python -m benchmarks.clip_family --out docs/benchmarks/models-speed.md    # some minutes, on an idle machine
python -m benchmarks.clip_family --quick                       # to see that everything runs

Random weights of the true sizes: speed does not depend on the weights.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, SiglipVisionConfig, SiglipVisionModel

from benchmarks import machine
from benchmarks.memory import CLEAR, COLUMNS, NOTE, Peak
from benchmarks.page import deliver, head
from benchmarks.tables import giga, megabytes, ms, table
from benchmarks.timing import in_turns
from freeseg.models.towers.transformer.dense import MODES
from freeseg.models.towers.transformer.vision import ClipVision, SiglipVision, VisionTower

Embed = Callable[[Tensor], object]
PLAIN = "plain"  # transformers' own forward, as it is
SURGERY, COMPARED = "surgery", "CLIP ViT-B/16"
MOST_TIME, MOST_MEMORY = 1.3, 1.2  # of a plain forward's, that surgery may take
# Freed tensors go back at once. Else the peak is what malloc happens to keep: the same forward 70 MB or 130 MB.
RETURNED = {"MALLOC_MMAP_THRESHOLD_": "65536"}


class Scale(NamedTuple):
    """How much is measured: side of the square pictures in pixels, turns of a comparison, models."""

    side: int
    repeats: int
    models: tuple[str, ...]


def _clip(**sizes: Any) -> CLIPVisionModelWithProjection:
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes)).eval().requires_grad_(False)


def _siglip(**sizes: Any) -> SiglipVisionModel:
    return SiglipVisionModel(SiglipVisionConfig(**sizes)).eval().requires_grad_(False)


LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
MODELS: dict[str, Callable[[], Any]] = {
    "CLIP ViT-B/32": partial(_clip, patch_size=32, projection_dim=512),
    COMPARED: partial(_clip, patch_size=16, projection_dim=512),
    "CLIP ViT-L/14": partial(_clip, patch_size=14, projection_dim=768, **LARGE),
    "SigLIP 2 base, patch 16": partial(_siglip, patch_size=16, image_size=224),
}
FULL = Scale(512, 7, tuple(MODELS))
QUICK = Scale(64, 1, ("CLIP ViT-B/32",))


def embedder(network: Any, mode: str) -> Embed:
    """Pixels -> embeddings, by the plain model or by our tower around it in a dense mode."""
    if mode == PLAIN:
        return partial(network, interpolate_pos_encoding=True)
    tower: VisionTower
    if isinstance(network, SiglipVisionModel):
        tower = SiglipVision(network, mode=mode)
    else:
        tower = ClipVision(network.vision_model, network.visual_projection, mode)
    return tower.features


def picture(network: Any, side: int) -> Tensor:
    """A square picture of about so many pixels a side, in whole patches."""
    patch = network.config.patch_size
    return torch.zeros(1, 3, *[max(1, round(side / patch)) * patch] * 2)


def peak(model: str, mode: str, side: int) -> Peak:
    """The peak memory of one embedding, in a process of its own."""
    if not CLEAR.exists():  # not Linux
        return Peak(math.nan, math.nan, math.nan)
    command = [sys.executable, "-m", "benchmarks.clip_family", "--peak", model, mode, "--side", str(side)]
    environment = {**os.environ, **RETURNED}
    return Peak(*json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment).stdout))


def _print_peak(model: str, mode: str, side: int) -> None:
    from benchmarks import peak as process

    network = MODELS[model]()
    embed, pixels = embedder(network, mode), picture(network, side)
    print(json.dumps(process.peak(torch.inference_mode()(lambda: embed(pixels)))))


@torch.inference_mode()
def against_plain(scale: Scale) -> list[str]:
    """Surgery and a plain forward of the same weights, in turns; memory of each in a fresh process."""
    network = MODELS[COMPARED]()
    pixels = picture(network, scale.side)
    works = {mode: partial(embedder(network, mode), pixels) for mode in (PLAIN, SURGERY)}
    seconds = in_turns(works, scale.repeats)
    peaks = {mode: peak(COMPARED, mode, scale.side) for mode in works}
    time, memory = seconds[SURGERY] / seconds[PLAIN], peaks[SURGERY].above / peaks[PLAIN].above
    kept = time <= MOST_TIME and memory <= MOST_MEMORY
    rows = [
        [mode, ms(seconds[mode]), f"{seconds[mode] / seconds[PLAIN]:.2f}", *peaks[mode].cells(), f"{share:.2f}"]
        for mode, share in ((PLAIN, 1.0), (SURGERY, memory))
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
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clip_family", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--quick", action="store_true", help="one model, small pictures: numbers without worth")
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
