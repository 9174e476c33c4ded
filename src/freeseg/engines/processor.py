"""What this machine's processor offers: instructions for 8-bit numbers, and cores to compute on."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from functools import cache
from pathlib import Path

from freeseg.system import CPUINFO, available_cores

# What multiplies 8-bit numbers without overflow, as Linux names it: VNNI and AMX on x86, dot products on ARM.
LINUX_NAMES = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp")
NUMPY_NAMES = ("AVX512VNNI", "ASIMDDP")  # NumPy looks for these only, so that their absence says little


@cache
def int8_instructions(cpuinfo: Path = CPUINFO) -> str | None:
    """The instructions by which this processor computes in 8 bits.

    Without them, onnxruntime is about as slow in 8 bits as in 32.

    Returns:
        Their name; "" if it has none, and None if that is not known.
    """
    if found := _flags_of_linux(cpuinfo):
        return next((name for name in LINUX_NAMES if name in found), "")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "dot products"  # every Apple processor has them
    return next((name for name in NUMPY_NAMES if _numpy_features().get(name)), None)


def _flags_of_linux(cpuinfo: Path) -> set[str]:
    """What Linux says of the first core; nothing elsewhere."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    # "flags" on x86, "Features" on ARM
    described = (line.partition(":") for line in lines)
    return next((set(value.split()) for key, _, value in described if key.strip() in ("flags", "Features")), set())


def _numpy_features() -> dict[str, bool]:
    """What NumPy found of the processor when it was imported."""
    for core in ("numpy._core", "numpy.core"):  # the second is NumPy 1's
        try:
            found = importlib.import_module(f"{core}._multiarray_umath")
        except ImportError:
            continue
        return dict(getattr(found, "__cpu_features__", {}))
    return {}


def default_threads() -> int:
    """How many threads compute where nothing else is asked for: one for each core that this process may use.

    The variable OMP_NUM_THREADS can make them fewer, as it does for PyTorch.

    Example:
        >>> default_threads() > 0
        True
    """
    cores, asked = available_cores(), os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(asked)) if asked.isdecimal() and int(asked) > 0 else cores
