"""What differs between operating systems. No other file calls what only some of them have."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

CACHE = "FREESEG_CACHE"  # the variable that names the folder of caches, or says that there is none
NO_CACHE = ("off", "0", "no", "false")
CPUINFO = Path("/proc/cpuinfo")  # where Linux describes the processor


def available_cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cache_folder() -> Path | None:
    """The folder for what only saves time: `freeseg` in the user's cache folder, or the one that FREESEG_CACHE names.

    Returns:
        None where the user has none, or FREESEG_CACHE is `off`.
    """
    asked = os.environ.get(CACHE, "").strip()
    if asked.lower() in NO_CACHE:
        return None
    try:
        return Path(asked).expanduser() if asked else _user_cache() / "freeseg"
    except RuntimeError:  # a user without a home
        return None


def _user_cache() -> Path:
    if asked := os.environ.get("XDG_CACHE_HOME"):
        return Path(asked)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local)
    return Path.home() / ".cache"


def renames_open_files() -> bool:
    """Whether a file can be renamed or removed while a process has it open, and written while another one locks it.

    Windows does neither, which guards a file by itself for as long as a process has it open.
    """
    return sys.platform != "win32"


def give_back_memory() -> None:
    """Give memory that was freed back to the system, which the C library of Linux puts off where threads work.

    Worth its milliseconds after a large picture was let go of, before the next large thing is made.
    """
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _c_library() -> ctypes.CDLL | None:
    """The C library that this process runs on, where it can be asked."""
    return ctypes.CDLL(None) if sys.platform == "linux" else None


@contextmanager
def children_without_interrupt() -> Iterator[None]:
    """Keep Ctrl-C from a process that is started in here, until that process ignores it by itself.

    Where signals cannot be held back, as on Windows, nothing is done.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker  # not on every system

    resource_tracker.ensure_running()  # else the first process would start it, which lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
