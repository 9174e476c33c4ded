"""Timing things against each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

Key = TypeVar("Key")


def in_turns(works: Mapping[Key, Callable[[], object]], repeats: int, rest: float = 0.0) -> dict[Key, float]:
    """Median seconds of each piece of work.

    All run once, then once more, and so on: a machine that is busy for a moment slows all sides of a comparison.
    A first turn does not count: it fills caches. Where runtimes are compared, each piece runs twice after so many
    seconds of `rest`, and the second run counts: a runtime's threads wait for more work by spinning, on the processors
    that the next one needs.
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
