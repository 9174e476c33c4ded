"""Commands killed at random moments: what they wrote is whole, and the next run ends as if nothing had been.

    PYTHONPATH=tests python -m attacks.kills                              # 200 kills, a table
    PYTHONPATH=tests python -m attacks.kills --count 20 --seed 7 --command label
    PYTHONPATH=tests python -m attacks.kills --seed 7 --command label --chain 3   # a fault again, as far as time allows

Each command runs undisturbed first. Then it is started in a new folder and stopped, and again in the same folder, as
chance has it; after every stop each file under a final name must be whole. In the end it runs to its end, and must
leave the same files with the same bytes, and no other. Of four stops one is a SIGTERM, after which nothing may be
half written.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from attacks.attackers import JobAttacker, Outcome, attack_all, attackers_parser
from attacks.jobs import JOBS, Place, differences, faults_of
from freeseg.cli import TERMINATED
from labelled import content
from processes import Started, wait_for_the_end_of

STOPPED = "freeseg: stopped; what was finished is kept\n"
KILL_SHARE = 0.75  # of all stops; the others are SIGTERM
WRITING_SHARE = 0.5  # of all stops: those that wait until a file is being written
GO_ON_SHARE = 0.5  # of all stops: those after which it is stopped once more


@dataclass
class Row:
    """What became of a command.

    Attributes:
        kills: How often it was stopped.
        files: How many files were looked at.
        faults: What was wrong, and how to see it again.
    """

    kills: int = 0
    files: int = 0
    faults: list[str] = field(default_factory=list)


class Attacker(JobAttacker):
    """Kills one command again and again."""

    def __init__(self, name: str, place: Place, seed: int):
        super().__init__(name, place, seed)
        self.row = Row()

    def attack(self, count: int, chains: Iterable[int]) -> Row:
        """Stop the command `count` times, in as many chains of runs as that takes."""
        for chain in chains:
            if self.row.kills >= count:
                break
            self._chain(count, chain)
        return self.row

    def _chain(self, count: int, chain: int) -> None:
        """Stop it in a new folder, once or more often; then let it run to its end."""
        chance = random.Random(f"{self.seed} {self.name} {chain}")  # noqa: S311 - not a secret
        where = f"{self.name}, seed {self.seed}, chain {chain}"
        self.place.empty()
        while self._stop(chance, where) and self.row.kills < count and chance.random() < GO_ON_SHARE:
            pass
        done = self.place.start(self.job).wait()
        faults = differences(self.job, self.place.tree(), self.whole)
        if done.code != 0:
            faults.append(f"the next run ends with {done.code}: {done.err[-500:]}")
        self.row.faults += [f"{where}: after the next run {fault}" for fault in faults]

    def _stop(self, chance: random.Random, where: str) -> bool:
        """Start it and stop it at some moment; gives whether it was still running."""
        gently = chance.random() > KILL_SHARE
        moment, while_writing = chance.uniform(0, self.seconds), chance.random() < WRITING_SHARE
        before = self._half_written()  # by a kill; it may stop before it removes them
        with self.place.start(self.job) as process:
            end = time.monotonic() + moment
            process.wait_until(lambda: time.monotonic() >= end)
            if while_writing:
                process.wait_until(self._writes, every=0.0005)
            faults, was_running = self._end(process, gently, before)
        wait_for_the_end_of(process.helpers())
        self.row.kills += was_running
        found = self.place.tree()
        self.row.files += len(found)
        faults += faults_of(self.job, found, self.whole)
        how = f"{'SIGTERM' if gently else 'SIGKILL'} at {moment:.2f} s"
        self.row.faults += [f"{where}, {how}: {fault}" for fault in faults]
        return was_running

    def _end(self, process: Started, gently: bool, before: set[str]) -> tuple[list[str], bool]:
        """Stop a process; gives what was wrong with how it ended, and whether it was still running."""
        if not gently:
            return [], process.kill()
        if process.running:
            os.kill(process.pid, signal.SIGTERM)
        done = process.wait()
        if done.code == 0:
            return [], False
        if done.code == -signal.SIGTERM:  # it came before the program listened
            return [], True
        half = [f"{name} is left half written" for name in self._half_written() - before]
        stopped = done.code == TERMINATED and done.err.endswith(STOPPED)
        return half + ([] if stopped else [f"it ends with {done.code}: {done.err[-500:]}"]), True

    def _half_written(self) -> set[str]:
        return {name for name in content(self.place.work) if name.endswith(".part")}

    def _writes(self) -> bool:
        """Whether a file is being written."""
        names = (name for _, _, files in os.walk(self.place.work) for name in files)
        return any(name.endswith((".part", ".incomplete")) for name in names)


def main() -> None:
    """Attack, and print the table."""
    parser = attackers_parser(__doc__)
    parser.add_argument("--count", type=int, default=200, help="kills of all commands together")
    parser.add_argument("--chain", type=int, help="only this chain of runs")
    asked = parser.parse_args()
    names = asked.command or list(JOBS)

    def attack(place: Place, name: str) -> Outcome:
        share = len(range(names.index(name), asked.count, len(names)))
        chains = range(4 * share) if asked.chain is None else [asked.chain]  # a run may end before its moment has come
        row = Attacker(name, place, asked.seed).attack(share, chains)
        return Outcome([row.kills, row.files], row.faults)

    attack_all(names, "kills | files looked at", attack)


if __name__ == "__main__":
    main()
