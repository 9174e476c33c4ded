"""All measurements that need no data, as one page.

make bench                      # all, written to docs/benchmarks/performance.md
python -m benchmarks --quick    # few photos and turns, printed: a check that everything runs
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks import clip_comparison, cost_by_size, machine, optimisations, speed, stages
from benchmarks.page import deliver, head
from benchmarks.scale import QUICK, Scale


def main() -> None:
    """Measure, then print the page or write it."""
    arguments = _arguments()
    os.environ["FREESEG_CACHE"] = "off"  # every run embeds its words itself, child processes included
    chosen = {name: getattr(arguments, name) for name in ("photos", "repeats") if getattr(arguments, name)}
    scale = replace(QUICK if arguments.quick else Scale(), **chosen)
    clock = machine.Clock.now()
    with tempfile.TemporaryDirectory() as name:
        sections: dict[str, Callable[[], list[str]]] = {
            "speed": lambda: speed.section(scale, Path(name)),
            "stages": lambda: stages.section(scale, Path(name)),
            "waste removed": lambda: optimisations.section(scale, Path(name)),
            "growth": lambda: cost_by_size.section(scale, Path(name)),
            "against CLIP": lambda: clip_comparison.section(scale),
        }
        measured = [_with_progress(title, work) for title, work in sections.items()]
    text = "\n\n".join("\n".join(lines) for lines in [_head(scale, clock), *measured])
    deliver(text + "\n", arguments.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--quick", action="store_true", help="few photos and turns: the numbers mean nothing")
    parser.add_argument("--photos", type=_positive, help=f"photos in a folder (default {Scale().photos})")
    parser.add_argument("--repeats", type=_positive, help=f"turns of a comparison (default {Scale().repeats})")
    return parser.parse_args()


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def _head(scale: Scale, clock: machine.Clock) -> list[str]:
    minutes = (time.perf_counter() - clock.wall) / 60
    return [
        *head("Performance", "benchmarks", clock),
        "",
        f"It took {minutes:.1f} minutes. What is compared runs in turns, {scale.repeats} of them, {scale.fewer} "
        "where a turn takes many seconds, after one that does not count, and every ratio is one of medians.",
    ]


def _with_progress(title: str, work: Callable[[], list[str]]) -> list[str]:
    """Do the work; its name and duration go to the terminal."""
    print(f"{title} ...", end=" ", file=sys.stderr, flush=True)
    start = time.perf_counter()
    lines = work()
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    return lines


if __name__ == "__main__":
    main()
