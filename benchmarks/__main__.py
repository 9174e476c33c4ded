"""All measurements in one go, as one page.

make bench                      # all, written to docs/benchmarks/performance.md
python -m benchmarks --quick    # few photos and turns, printed: to see that everything runs
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

from benchmarks import against, growth, machine, removed, speed, stages
from benchmarks.effort import QUICK, Effort
from benchmarks.page import deliver, head


def main() -> None:
    """Measure what the arguments ask for; print the page or write it."""
    arguments = _arguments()
    os.environ["FREESEG_CACHE"] = "off"  # words embedded in an earlier run must be embedded again, in children too
    chosen = {name: getattr(arguments, name) for name in ("photos", "repeats") if getattr(arguments, name)}
    effort = replace(QUICK if arguments.quick else Effort(), **chosen)
    clock = machine.Clock.now()
    with tempfile.TemporaryDirectory() as name:
        sections: dict[str, Callable[[], list[str]]] = {
            "speed": lambda: speed.section(effort, Path(name)),
            "stages": lambda: stages.section(effort, Path(name)),
            "waste removed": lambda: removed.section(effort, Path(name)),
            "growth": lambda: growth.section(effort, Path(name)),
            "against CLIP": lambda: against.section(effort),
        }
        measured = [_announced(title, work) for title, work in sections.items()]
    text = "\n\n".join("\n".join(lines) for lines in [_head(effort, clock), *measured])
    deliver(text + "\n", arguments.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--quick", action="store_true", help="few photos and turns: numbers without worth")
    parser.add_argument("--photos", type=_positive, help=f"photos in a folder (default {Effort().photos})")
    parser.add_argument("--repeats", type=_positive, help=f"turns of a comparison (default {Effort().repeats})")
    return parser.parse_args()


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def _head(effort: Effort, clock: machine.Clock) -> list[str]:
    minutes = (time.perf_counter() - clock.wall) / 60
    return [
        *head("Performance", "benchmarks", clock),
        "",
        f"It took {minutes:.1f} minutes. What is compared runs in turns, {effort.repeats} of them, {effort.fewer} "
        "where a turn takes many seconds, after one that does not count, and every ratio is one of medians.",
    ]


def _announced(title: str, work: Callable[[], list[str]]) -> list[str]:
    """The work's result; its name and seconds go to the terminal."""
    print(f"{title} ...", end=" ", file=sys.stderr, flush=True)
    start = time.perf_counter()
    lines = work()
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    return lines


if __name__ == "__main__":
    main()
