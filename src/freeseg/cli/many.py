"""The commands over more photos than one machine should do: what they share with each other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freeseg.cli.output import error_text, say
from freeseg.errors import FreeSegError

if TYPE_CHECKING:
    from freeseg.cli.options import ModelOptions
    from freeseg.distributed import Block, Parts, Plan
    from freeseg.distributed.drivers import Driver
    from freeseg.labelling.run import Labeller
    from freeseg.words import Vocabulary

Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="With --engine ray: the head of a cluster, such as head:6379. [default: Ray on this machine]",
        metavar="HOST:PORT",
    ),
]


RetryErrors = Annotated[
    bool,
    typer.Option("--retry-errors", help="Do the photos again that could not be read before, in Parquet output."),
]


def segment_many(
    photos: Sequence[str],
    vocabulary: Vocabulary,
    out: Path,
    *,
    background: bool,
    model: ModelOptions,
    where: Where,
) -> None:
    """Segment photos on Ray, into Parquet.

    Args:
        photos: The arguments of the command.
        vocabulary: The labels.
        out: Folder of the output, or its URL.
        background: Whether a pixel may be none of the labels.
        model: Which model.
        where: Where it runs.
    """
    from freeseg.distributed import mask_plan

    def plan() -> Plan:
        return mask_plan(vocabulary, background=background, **options_of(model))

    run_over_photos(photos, plan, out, where)


def run_over_photos(
    photos: Sequence[str],
    make_plan: Callable[[], Plan],
    out: Path,
    where: Where,
    *,
    most: int | None = None,
    captions: bool = False,
) -> None:
    """Do what a plan says with photos that the arguments of a command name.

    Args:
        photos: The arguments.
        make_plan: Gives the plan; it is not asked before the arguments are known to be right.
        out: Folder of the output, or its URL.
        where: Where it runs.
        most: How many photos a part has at most; None for as many as masks have.
        captions: Whether what describes the photos is read.
    """
    from freeseg.distributed import Parts, block_size, missing_blocks, photo_references
    from freeseg.distributed.blocks import MOST_PHOTOS

    where.check()
    folder = place(out)
    parts = Parts(folder)
    references = photo_references(photos, without=folder, captions=captions)
    first = next(references)  # what is wrong with the arguments is told before a model is loaded
    plan = make_plan()
    size, found = block_size(chain([first], references), most or MOST_PHOTOS)
    job = Job(plan, parts, where, size)
    job.run(
        missing_blocks(found, plan, parts, size=size, passed=job.passed),
        lambda: sum(1 for _ in photo_references(photos, without=folder, captions=captions)),
    )


def options_of(model: ModelOptions) -> dict[str, Any]:
    """What a plan takes of the options of a model."""
    return {
        "model": os.path.abspath(model.model) if Path(model.model).is_dir() else model.model,  # noqa: PTH100
        "precision": model.precision or "float32",
        "short_side": model.short_side,
    }


def place(out: Path) -> str:
    """An option's path, or the URL that it was before it lost a slash."""
    from freeseg.urls import is_url

    text = str(out)
    scheme, mark, rest = text.partition(":/")
    return f"{scheme}://{rest}" if mark and is_url(f"{scheme}://{rest}") else text


def unusual_model(model: ModelOptions) -> dict[str, bool]:
    """Which options of a model are given that runs over many photos do not take."""
    return {
        "--revision": model.revision is not None,
        "--mode": model.mode is not None,
        "--device": model.device != "cpu",
        "--views": model.views is not None,
        "--onnx": model.onnx is not None,
    }


def refuse(given: Mapping[str, bool], what: str) -> None:
    """Refuse options that do not go with others.

    Raises:
        FreeSegError: One of them is given.
    """
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise FreeSegError(f"{wrong[0]} does not go with {what}; leave it out")


@dataclass(frozen=True)
class Where:
    """Where a run over many photos runs.

    Attributes:
        on_ray: Whether on Ray; otherwise in threads of this process.
        address: Of a cluster of Ray; None for this machine.
        quiet: Whether nothing is said on stdout.
        retry_errors: Whether photos that could not be read before are done again.
    """

    on_ray: bool
    address: str | None = None
    quiet: bool = False
    retry_errors: bool = False

    def check(self) -> None:
        """Refuse what cannot be, before anything is read.

        Raises:
            FreeSegError: A package is missing, or there is an address and no Ray.
        """
        from freeseg.extras import require

        if self.on_ray:
            require("ray", "pyarrow", what="--engine ray")
        refuse({"--address": self.address is not None and not self.on_ray}, "another engine than ray")

    def say(self, text: str) -> None:
        """Say something, unless it is to be quiet."""
        if not self.quiet:
            say(text)

    @contextmanager
    def driver(self, size: int) -> Iterator[Driver]:
        """What has blocks done, as long as the block runs; it says what was chosen.

        Args:
            size: How many photos a part has at most.
        """
        from freeseg.distributed import drivers, on_ray
        from freeseg.system import available_cores

        photos = f"up to {size} photos a part"
        if not self.on_ray:
            threads = available_cores()
            self.say(f"In this process: {threads} threads, {photos}")
            yield partial(drivers.in_this_process, threads=threads)
            return
        with on_ray.cluster(self.address) as processors:
            self.say(f"{self._processes(processors)}, {photos}")
            yield on_ray.on_ray

    def labeller(self) -> Labeller:
        """What makes free masks on Ray; it says what was chosen."""
        from freeseg.distributed.labelling import label_on_ray

        return partial(
            label_on_ray, address=self.address, started=lambda processors: self.say(self._processes(processors))
        )

    def _processes(self, processors: int) -> str:
        name = f"the cluster at {self.address}" if self.address else "this machine"
        return f"Ray on {name}: {processors} processes of one thread"


@dataclass
class Job:
    """A run over many photos.

    Attributes:
        plan: What is done.
        parts: The output.
        where: Where it runs.
        size: How many photos a part has at most.
        before: How many photos were done before.
    """

    plan: Plan
    parts: Parts
    where: Where
    size: int
    before: int = 0

    def passed(self, photos: int) -> None:
        """Count photos that were done before."""
        self.before += photos

    def run(self, blocks: Iterator[Block], count: Callable[[], int]) -> None:
        """Do what is missing.

        Args:
            blocks: What is missing; nobody asks for the first before the output is known to be of this plan.
            count: Counts all photos, in another thread.

        Raises:
            Exit: Photos are left that nobody could do.
        """
        from freeseg.distributed import forget_errors

        with self.parts.begun(self.plan):
            if self.where.retry_errors:
                forget_errors(self.parts, self.plan)
            first = next(blocks, None)
            if first is None:
                self.where.say(f"all {self.before} photos were done before; they are in {self.parts.folder}")
                return
            self._drive(chain([first], blocks), count)

    def _drive(self, blocks: Iterator[Block], count: Callable[[], int]) -> None:
        from freeseg.cli.progress import progress

        done, broken, problems, total = 0, 0, [], Later(count)
        with self.where.driver(self.size) as drive, progress("photos", quiet=self.where.quiet) as update:
            begun = time.monotonic()
            for outcome in drive(blocks, self.plan, self.parts.folder):
                done += 0 if outcome.problem else outcome.photos
                broken += outcome.broken
                problems += [outcome.problem] * bool(outcome.problem)
                update(self.before + done, total.value)
            rate = done / max(time.monotonic() - begun, 1e-3)
        unread = f" ({broken} of them could not be read: see the column error)" if broken else ""
        before = f", {self.before} done before" if self.before else ""
        self.where.say(f"{done} photos done{unread}{before}; {rate:.1f} photos/s; they are in {self.parts.folder}")
        for problem in problems:
            say(error_text(problem), err=True)
        if problems:
            raise typer.Exit(1)


class Later:
    """A number that another thread finds out; `value` is None until then, and where it cannot be found out."""

    def __init__(self, count: Callable[[], int]):
        self.value: int | None = None
        self._count = count
        threading.Thread(target=self._find_out, daemon=True).start()

    def _find_out(self) -> None:
        with suppress(FreeSegError, OSError):
            self.value = self._count()
