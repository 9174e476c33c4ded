"""Commands whose disk is full sooner or later: no truncated file, one line, and what was finished is kept.

    PYTHONPATH=tests python -m attacks.full_disk                                # 64 fill levels a command, a table
    PYTHONPATH=tests python -m attacks.full_disk --levels 8 --seed 7 --command label
    PYTHONPATH=tests python -m attacks.full_disk --seed 7 --command label --level 3   # a fault again

Each command runs with enough room first. Then, at half of the levels, no file can grow beyond a size below that of some
file that it writes (`ulimit -f`); at the other half it writes to a small disk in memory, where the user may mount one.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from attacks.attackers import JobAttacker, Outcome, attack_all, attackers_parser
from attacks.jobs import Place, differences, faults_of
from commands import Done

PAGE = 4096  # bytes, of which a disk in memory has a whole number
CAUSES = ("File too large", "No space left on device", "are free;")  # the last: there is too little room to begin
RESUMED_EVERY = 8  # levels after one of which the command runs again, with enough room


class Level(NamedTuple):
    """How full the disk is.

    Attributes:
        file_limit: Bytes that a file can have; None for any number.
        disk: Bytes of the disk; None for the usual one.
    """

    file_limit: int | None = None
    disk: int | None = None

    def __str__(self) -> str:
        return f"files of {self.file_limit} bytes" if self.disk is None else f"a disk of {self.disk} bytes"


@dataclass
class Row:
    """What became of a command.

    Attributes:
        enough: At how many levels there was enough room after all.
        refused: At how many levels it said in one line that there was not.
        faults: What was wrong, and how to see it again.
    """

    enough: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


class Attacker(JobAttacker):
    """Fills the disk of one command. `mounts` says whether disks in memory can be mounted."""

    def __init__(self, name: str, place: Place, seed: int, *, mounts: bool):
        super().__init__(name, place, seed)
        self.row, self.mounts = Row(), mounts

    def attack(self, levels: Iterable[int]) -> Row:
        """Let the command run at each of some levels."""
        for number in levels:
            level = self._level(number)
            faults = self._run(level, again=number % RESUMED_EVERY == 0)
            where = f"{self.name}, seed {self.seed}, level {number} ({level})"
            self.row.faults += [f"{where}: {fault}" for fault in faults]
        return self.row

    def _level(self, number: int) -> Level:
        chance = random.Random(f"{self.seed} {self.name} {number}")  # noqa: S311 - not a secret
        sizes = [len(data) for data in self.whole.values()]
        if self.mounts and number % 2:
            return Level(disk=PAGE * chance.randint(1, sum(-(-size // PAGE) for size in sizes)))
        return Level(file_limit=chance.randrange(max(1, chance.choice(sizes))))

    def _run(self, level: Level, *, again: bool) -> list[str]:
        """What is wrong after a run at one level, and after one with enough room that follows."""
        self.place.empty()
        with disk_of(self.place.work, level.disk):
            done = self.place.start(self.job, file_limit=level.file_limit).wait()
            found = self.place.tree()
        faults = self._judged(done, found)
        if again:
            done = self.place.start(self.job).wait()
            faults += [f"after the next run {each}" for each in differences(self.job, self.place.tree(), self.whole)]
            faults += [] if done.code == 0 else [f"the next run ends with {done.code}: {done.err[-500:]}"]
        return faults

    def _judged(self, done: Done, found: dict[str, bytes]) -> list[str]:
        if done.code == 0:
            self.row.enough += 1
            return [f"it ends with 0, but {each}" for each in differences(self.job, found, self.whole)]
        self.row.refused += 1
        faults = faults_of(self.job, found, self.whole)
        faults += [f"{name} is left half written" for name in found if name.endswith(".part")]
        lines = done.err.splitlines() or [""]
        told = lines[-1].startswith("freeseg: ") and any(cause in lines[-1] for cause in CAUSES)
        if done.code != 1 or not told or "Traceback" in done.err:
            faults.append(f"it ends with {done.code}: {done.err[-1000:]}")
        return faults


@contextmanager
def disk_of(folder: Path, size: int | None) -> Iterator[None]:
    """A disk in memory at a folder, inside the block; what was written to it is in the folder afterwards."""
    if size is None:
        yield
        return
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True, capture_output=True)
    kept = folder.with_name(f"{folder.name}-kept")
    try:
        yield
        shutil.copytree(folder, kept, symlinks=True)
    finally:
        subprocess.run(["umount", folder], check=True)
    folder.rmdir()
    kept.rename(folder)


def can_mount(folder: Path) -> bool:
    """Whether the user may mount a disk in memory."""
    try:
        with disk_of(folder / "tried", PAGE):
            pass
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def main() -> None:
    """Attack, and print the table."""
    parser = attackers_parser(__doc__)
    parser.add_argument("--levels", type=int, default=64)
    parser.add_argument("--level", type=int, help="only this level")
    asked = parser.parse_args()
    levels = range(asked.levels) if asked.level is None else [asked.level]
    with tempfile.TemporaryDirectory() as folder:
        mounts = can_mount(Path(folder))
    if not mounts:
        print("Disks in memory cannot be mounted here: only the size of files is limited.\n")

    def attack(place: Place, name: str) -> Outcome:
        row = Attacker(name, place, asked.seed, mounts=mounts).attack(levels)
        return Outcome([row.enough + row.refused, row.enough, row.refused], row.faults)

    attack_all(asked.command, "levels | enough room | refused in one line", attack)


if __name__ == "__main__":
    main()
