"""Patch embeddings of FreeSeg-Lite and of CLIP ViT-B/16, plain and with CLIP Surgery."""

from __future__ import annotations

from functools import partial

import torch

from benchmarks import machine, memory
from benchmarks.embedders import OURS, SYSTEMS
from benchmarks.scale import Scale
from benchmarks.tables import giga, ms, table
from benchmarks.timing import in_turns


@torch.inference_mode()
def section(scale: Scale) -> list[str]:
    """Time and share of the machine's peak at each side, and memory at the largest."""
    embedders = {system: build() for system, build in SYSTEMS.items()}
    product, product_flops = machine.matrix_product()
    rows = []
    for side in scale.clip_sides:
        pixels = torch.zeros(1, 3, side, side)
        works = {system: partial(embed, pixels) for system, embed in embedders.items()}
        seconds = in_turns({**works, "peak": product}, scale.fewer)
        peak = product_flops / seconds["peak"]
        for system, work in works.items():
            flops, taken = machine.flops(work), seconds[system]
            times, share = taken / seconds[OURS], flops / taken / peak
            rows.append([f"{side}x{side}", system, ms(taken), f"{times:.1f}", giga(flops), f"{share:.0%}"])
    largest = scale.clip_sides[-1]
    peaks = [[system, *memory.embedding(system, largest).cells()] for system in SYSTEMS]
    return [
        "## Against CLIP",
        "",
        "From pixels to patch embeddings in PyTorch, one square picture at a time: a patch is of 8x8 pixels for "
        "FreeSeg-Lite, of 16x16 for CLIP. CLIP is transformers', with random weights; CLIP Surgery is FreeSeg's dense "
        "mode of it, with value-value attention in the last six blocks "
        "([arXiv 2304.05653](https://arxiv.org/abs/2304.05653)). FreeSeg-Lite's memory holds its text tower too, "
        "CLIP's does not.",
        "",
        *table(["picture", "system", "ms", f"times {OURS}'s time", "GFLOP", "share of peak"], rows),
        "",
        *table([f"at {largest}x{largest}", *memory.COLUMNS], peaks),
    ]
