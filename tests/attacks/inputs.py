"""Bad inputs by the thousand: what is right, damaged at random, and read as FreeSeg reads it.

    PYTHONPATH=tests python -m attacks.inputs                       # 5,000 inputs, a table
    PYTHONPATH=tests python -m attacks.inputs --count 500 --seed 7
    PYTHONPATH=tests python -m attacks.inputs --seed 7 --number 31  # a fault again

Each input must be read, or be refused with one short line. Anything else is listed with the number that makes it again,
and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from attacks.bad_files import FILES
from attacks.bad_hub import HUB
from attacks.bad_options import OPTIONS
from attacks.bad_tars import TARS
from attacks.bad_weights import WEIGHTS_ATTACKS
from attacks.damage import Attack
from attacks.jobs import keep_apart
from freeseg.errors import FreeSegError

LONGEST = 1_500  # characters of an error
ATTACKS: dict[str, Attack] = {**FILES, **WEIGHTS_ATTACKS, **TARS, **OPTIONS, **HUB}


def attack(numbers: Iterable[int], seed: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Try some inputs, of all kinds in turn; gives how they ended by kind, and what ended as it must not."""
    ended = {kind: Counter[str]() for kind in ATTACKS}
    wrong = []
    for number in numbers:
        kind = list(ATTACKS)[number % len(ATTACKS)]
        outcome = _outcome(ATTACKS[kind], random.Random(f"{seed} {number}"))  # noqa: S311 - not a secret
        ended[kind][outcome if outcome in ("read", "refused") else "wrong"] += 1
        if outcome not in ("read", "refused"):
            wrong.append(f"seed {seed}, number {number}, {kind}: {outcome}")
    return ended, wrong


def _outcome(kind: Attack, chance: random.Random) -> str:
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(action="ignore"):
        try:
            kind.read(kind.make(chance), Path(name))
        except FreeSegError as error:
            text = str(error)
            return "refused" if len(text.splitlines()) == 1 and len(text) <= LONGEST else f"no short line: {text[:900]}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:1_000]
        return "read"


def main() -> None:
    """Attack, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, help="only this input")
    asked = parser.parse_args()
    keep_apart()
    ended, wrong = attack(range(asked.count) if asked.number is None else [asked.number], asked.seed)
    print("| input | read | refused in one line | wrong |\n|---|--:|--:|--:|")
    for kind, counts in ended.items():
        print(f"| {kind} | {counts['read']} | {counts['refused']} | {counts['wrong']} |")
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
