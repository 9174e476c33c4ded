"""What all attackers of commands have in common: options, a run that nothing disturbs, and a table of what became."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from attacks.jobs import HUB_MODEL, JOBS, Place, keep_apart, prepare
from hub_server import Model, serve


class Outcome(NamedTuple):
    """A line of the table: numbers, and what was wrong and how to see it again."""

    numbers: Sequence[int]
    faults: list[str]


def attackers_parser(text: str) -> argparse.ArgumentParser:
    """The options that all attackers of commands have; `text` is what their module says of itself."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=JOBS, action="append", help="only this one; may be repeated")
    return parser


class JobAttacker:
    """Attacks one command, after it ran undisturbed.

    Args:
        name: The command's key in `JOBS`.
        place: Where it runs.
        seed: Of all that is drawn.

    Attributes:
        whole: What it writes into a new folder when nothing comes in between.
        seconds: How long that takes.
    """

    def __init__(self, name: str, place: Place, seed: int):
        self.name, self.job, self.place, self.seed = name, JOBS[name], place, seed
        for _ in range(2):  # the first one makes what is kept between runs
            place.empty()
            begun = time.monotonic()
            done = place.start(self.job).wait()
            self.seconds = time.monotonic() - begun
            assert done.code == 0, done.err
        self.whole = place.tree()


def attack_all(commands: Sequence[str] | None, heads: str, attack: Callable[[Place, str], Outcome]) -> None:
    """Attack commands, print the table, and end with 1 if there were faults.

    Args:
        commands: Keys of `JOBS`; None for all.
        heads: Of the numbers' columns, separated by " | ".
        attack: Attacks the command of a key.
    """
    keep_apart()
    faulty = False
    columns = f"{heads} | faults"
    print(f"| command | {columns} |\n|---|{'--:|' * len(columns.split(' | '))}")
    with tempfile.TemporaryDirectory() as folder, serve({HUB_MODEL: Model()}) as hub:
        place = Place(prepare(Path(folder)), hub.address)
        for name in commands or JOBS:
            numbers, faults = attack(place, name)
            print(f"| {name} | {' | '.join(map(str, [*numbers, len(faults)]))} |", flush=True)
            for fault in faults:
                print(fault, file=sys.stderr, flush=True)
            faulty |= bool(faults)
    sys.exit(faulty)
