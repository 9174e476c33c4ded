"""This version's `freeseg segment` against an earlier one's, each in a fresh environment of its own, as one page.

python -m benchmarks.against_release --out docs/benchmarks/against-0.1.0.md
python -m benchmarks.against_release --quick    # few photos and turns, printed: a check that everything runs

Needs git, the project's history, and an index of packages to install from.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import machine, photos
from benchmarks.page import deliver, head
from benchmarks.tables import megabytes, table

BASELINE = "e095569"  # the last commit of 0.1.0
WORDS = "person, cat, dog, cup, tower, flower, tree, sky"
PROJECT = Path(__file__).parents[1]
KB = 1024
# Linux counts what a process held before it became another program, so a small process has to start it.
LAUNCHER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds, usage = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
sys.exit(done.returncode)
"""


class Run(NamedTuple):
    """Wall-clock seconds, seconds of all processors, and the peak memory in MB of a process."""

    seconds: float
    cpu: float
    peak: float


@dataclass
class Version:
    """An installed version of FreeSeg.

    Attributes:
        name: What the page calls it.
        source, folder: It is installed from the one; its environment, its cache and its results go into the other.
        runs: What was measured, by the run's title.
    """

    name: str
    source: Path
    folder: Path
    runs: defaultdict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    def install(self) -> None:
        """Make the environment, with the versions that the source's own constraints name."""
        subprocess.run([sys.executable, "-m", "venv", self.folder / "venv"], check=True)
        options = ["--quiet", "--disable-pip-version-check", "--constraint", str(self.source / "constraints.txt")]
        subprocess.run([self.python, "-m", "pip", "install", *options, str(self.source)], check=True)

    def site_packages(self) -> float:
        """Megabytes of what is installed, pip and setuptools apart."""
        (packages,) = (self.folder / "venv").glob("lib/python*/site-packages")
        counted = [each for each in packages.iterdir() if not each.name.startswith(("pip", "setuptools"))]
        output = subprocess.run(["du", "-skc", *counted], check=True, capture_output=True, text=True).stdout
        return int(output.splitlines()[-1].split()[0]) * KB / 1e6

    def measure(self, title: str, arguments: Sequence[str], *, keep_cache: bool = True) -> None:
        """Run its interpreter, and remember what the run cost.

        Args:
            title: What the run is called in the tables.
            arguments: What the interpreter is given.
            keep_cache: Whether embeddings of words that an earlier run kept may be used.
        """
        cache, out = self.folder / "cache", self.folder / "out"
        for stale in (out,) if keep_cache else (out, cache):
            shutil.rmtree(stale, ignore_errors=True)
        # What else Python would look through must not stand in for what is installed.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment["FREESEG_CACHE"] = str(cache)
        self.runs[title].append(run([str(self.python), *arguments], environment, self.folder))

    def median(self, title: str) -> Run:
        """Of the runs of that title but the first, which fills the caches of the disk."""
        runs = self.runs[title][1:]
        return Run(*(median(values) for values in zip(*runs, strict=True)))


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Run:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], env=dict(environment), cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr}")
    seconds, cpu, peak = json.loads(done.stdout)
    return Run(seconds, cpu, peak * KB / 1e6)


def main() -> None:
    """Measure, then print the page or write it."""
    arguments = _arguments()
    clock = machine.Clock.now()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        now = Version("this version", PROJECT, folder / "now")
        before = Version("0.1.0", folder / "source", folder / "before")
        before.source.mkdir()
        archive = subprocess.run(["git", "archive", arguments.baseline], cwd=PROJECT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", before.source], input=archive.stdout, check=True)
        for version in (now, before):
            version.folder.mkdir()
            version.install()
        text = _page(now, before, folder, arguments, clock)
    deliver(text, arguments.out)


def _page(now: Version, before: Version, folder: Path, arguments: argparse.Namespace, clock: machine.Clock) -> str:
    many, few = (folder / name for name in ("many", "few"))
    for each in (many, few):
        each.mkdir()
    (photo,) = photos.usual(few, 1)
    photos.usual(many, arguments.photos)
    one = ["-m", "freeseg", "segment", str(photo), "--labels", WORDS, "--out", "out"]
    folder_of = ["-m", "freeseg", "segment", str(many), "--labels", WORDS, "--out", "out"]
    titles = {
        "one photo, for the first time": (one, False),
        "one photo, words known from an earlier run": (one, True),
        f"a folder of {arguments.photos} photos": (folder_of, True),
    }
    for title, (command, keep_cache) in titles.items():
        for _ in range(arguments.repeats + 1):
            for version in (now, before):
                version.measure(title, command, keep_cache=keep_cache)
            if command is one:
                before.measure("import torch", ["-c", "import torch"])
    lines = [
        *head("Against 0.1.0", "benchmarks.against_release", clock),
        "",
        "Each version is installed by `pip install .` into a fresh environment and run by turns, as `freeseg segment` "
        f"on photos of {photos.SIZE[0]}x{photos.SIZE[1]} with 8 labels, JPEGs to overlays, masks and JSON; medians of "
        f"{arguments.repeats} turns, after one that does not count. Every run starts cold: a new process, from the "
        "interpreter's start to the last file.",
        "",
        *table(["", *_columns(before), *_columns(now), "times as fast", "share of memory"], _rows(titles, now, before)),
        "",
        *_beside(titles, now, before),
    ]
    return "\n".join(lines) + "\n"


def _columns(version: Version) -> list[str]:
    return [f"{version.name}, s", f"{version.name}, peak"]


def _rows(titles: Sequence[str] | Mapping[str, object], now: Version, before: Version) -> list[list[str]]:
    rows = []
    for title in titles:
        old, new = before.median(title), now.median(title)
        cells = [f"{old.seconds:.2f}", megabytes(old.peak), f"{new.seconds:.2f}", megabytes(new.peak)]
        rows.append([title, *cells, f"{old.seconds / new.seconds:.1f}", f"{new.peak / old.peak:.2f}"])
    return rows


def _beside(titles: Sequence[str] | Mapping[str, object], now: Version, before: Version) -> list[str]:
    """What else was measured, a line each."""
    torch = before.median("import torch").seconds
    cold = now.median(next(iter(titles))).seconds
    old, new = before.site_packages(), now.site_packages()
    return [
        f'- `python -c "import torch"` took {torch:.2f} s beside it: {now.name} segments its first photo in '
        f"{cold / torch:.2f} times that.",
        f"- Installed: {old:,.0f} MB for {before.name}, {new:,.0f} MB for {now.name}, pip itself apart.",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against_release", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--baseline", default=BASELINE, help="commit or tag to compare with (default %(default)s)")
    parser.add_argument("--photos", type=int, default=200, help="photos in the folder (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="turns that count (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="few photos and turns: the numbers mean nothing")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.photos, arguments.repeats = 4, 1
    return arguments


if __name__ == "__main__":
    main()
