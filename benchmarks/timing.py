"""Timing things against each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

Key = TypeVar("Key")


def in_turns(works: Mapping[Key, Callable[[], object]], repeats: int, *, rest: float = 0.0) -> dict[Key, float]:
    """Median seconds of each piece of work.

    All run once, then all run once more, and so on, so that a machine that is busy for a moment slows every side of
    the comparison. The first turn fills caches and does not count.

    Args:
        works: What is compared, by name.
        repeats: How many turns count.
        rest: For comparing different runtimes, seconds to wait before each piece of work, which then runs twice; only
            the second run counts. A runtime's threads keep spinning for a while after their work, on the processors
            that the next runtime needs.
    """
    taken: dict[Key, list[float]] = {name: [] for name in works}
    for _ in range(repeats + 1):
        for name, work in works.items():
            if rest:
                time.sleep(rest)
                work()
            start = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - start)
    return {name: median(seconds[1:]) for name, seconds in taken.items()}
