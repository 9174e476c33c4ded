"""The machine: what it is, how fast it multiplies matrices, and how many operations a piece of work asks of it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

STAT = Path("/proc/stat")
SIDE = 2048
PACKAGES = ("torch", "transformers", "numpy", "pillow")


class Clock(NamedTuple):
    """Seconds so far: of the wall clock, of all processors at work, and of those at work for this run."""

    wall: float
    busy: float
    own: float

    @classmethod
    def now(cls) -> Clock:
        """What has passed until now; `busy` is not known (NaN) where there is no Linux."""
        own = sum(os.times()[:4])
        if not STAT.is_file():
            return cls(time.perf_counter(), float("nan"), own)
        user, nice, system, _idle, _wait, *interrupts = map(int, STAT.read_text().split("\n")[0].split()[1:9])
        ticks = user + nice + system + sum(interrupts)
        return cls(time.perf_counter(), ticks / os.sysconf("SC_CLK_TCK"), own)

    def taken_by_others(self) -> float:
        """The share of all processors, since this clock was read, that was not this run's; NaN where not known."""
        wall, busy, own = (after - before for before, after in zip(self, Clock.now(), strict=True))
        return max(0.0, busy - own) / (wall * (os.cpu_count() or 1))


def describe() -> str:
    """Processor, cores, threads and versions."""
    name, cpu = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if cpu.is_file():
        name = next((line.split(":")[1].strip() for line in cpu.read_text().splitlines() if "model name" in line), name)
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in PACKAGES)
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{name}, {cores}, Python {platform.python_version()}, {versions}"


def matrix_product() -> tuple[Callable[[], object], float]:
    """Work that runs at the machine's peak, a product of two large float32 matrices, and its FLOPs."""
    first, second = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    return lambda: torch.mm(first, second, out=out), 2.0 * SIDE**3


def flops(work: Callable[[], object]) -> float:
    """Floating-point operations of the convolutions and matrix products in a piece of work.

    Attention is counted in the form that is made of matrix products: torch has no formula for its fused CPU kernel.
    """
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return float(counter.get_total_flops())
