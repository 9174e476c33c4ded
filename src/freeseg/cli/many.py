"""The commands over more photos than one machine should do: what they share with each other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freeseg.cli.output import error_text, say
from freeseg.errors import FreeSegError

if TYPE_CHECKING:
    from freeseg.cli.options import ModelOptions
    from freeseg.distributed import Block, Parts, PhotoReference, Plan
    from freeseg.words import Vocabulary

Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="With --engine ray: the head of a cluster, such as head:6379. [default: Ray on this machine]",
        metavar="HOST:PORT",
    ),
]


def segment_many(
    photos: Sequence[str],
    vocabulary: Vocabulary,
    out: Path,
    *,
    background: bool,
    model: ModelOptions,
    address: str | None,
    quiet: bool,
) -> None:
    """Segment photos on Ray, into Parquet.

    Args:
        photos: The arguments of the command.
        vocabulary: The labels.
        out: Folder of the output, or its URL.
        background: Whether a pixel may be none of the labels.
        model: Which model.
        address: Of a cluster; None for this machine.
        quiet: Whether nothing is said on stdout.
    """
    from freeseg.distributed import Parts, mask_plan, photo_references
    from freeseg.extras import require

    require("ray", "pyarrow", what="--engine ray")
    folder = place(out)
    references = photo_references(photos, without=folder)
    first = next(references)  # what is wrong with the arguments is told before a model is loaded
    plan = mask_plan(
        vocabulary,
        model=os.path.abspath(model.model) if Path(model.model).is_dir() else model.model,  # noqa: PTH100
        precision=model.precision or "float32",
        short_side=model.short_side,
        background=background,
    )
    job = Job(plan, Parts(folder), address=address, quiet=quiet)
    job.run(chain([first], references), lambda: sum(1 for _ in photo_references(photos, without=folder)))


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


@dataclass
class Job:
    """A run over many photos.

    Attributes:
        plan: What is done.
        parts: The output.
        address: Of a cluster of Ray; None for this machine.
        quiet: Whether nothing is said on stdout.
        before: How many photos were done before.
        size: How many photos a part has at most.
    """

    plan: Plan
    parts: Parts
    address: str | None
    quiet: bool
    before: int = 0
    size: int = 0

    def run(self, references: Iterator[PhotoReference], count: Callable[[], int]) -> None:
        """Do what is missing.

        Args:
            references: The photos.
            count: Counts them, in another thread.

        Raises:
            Exit: Photos are left that nobody could do.
        """
        from freeseg.distributed import block_size, missing_blocks

        with self.parts.begun(self.plan):
            self.size, references = block_size(references)
            blocks = missing_blocks(references, self.plan, self.parts, size=self.size, passed=self._passed)
            first = next(blocks, None)
            if first is None:
                self._say(f"all {self.before} photos were done before; they are in {self.parts.folder}")
                return
            self._drive(chain([first], blocks), count)

    def _drive(self, blocks: Iterator[Block], count: Callable[[], int]) -> None:
        from freeseg.cli.progress import progress
        from freeseg.distributed.on_ray import cluster, on_ray

        done, broken, problems, total = 0, 0, [], Later(count)
        with cluster(self.address) as processors:
            where = f"the cluster at {self.address}" if self.address else "this machine"
            self._say(f"Ray on {where}: {processors} processes of one thread, up to {self.size} photos a part")
            begun = time.monotonic()
            with progress("segmenting", quiet=self.quiet) as update:
                for outcome in on_ray(blocks, self.plan, self.parts.folder):
                    done += 0 if outcome.problem else outcome.photos
                    broken += outcome.broken
                    problems += [outcome.problem] * bool(outcome.problem)
                    update(self.before + done, total.value)
            rate = done / max(time.monotonic() - begun, 1e-3)
        unread = f" ({broken} of them could not be read: see the column error)" if broken else ""
        before = f", {self.before} done before" if self.before else ""
        self._say(f"{done} photos done{unread}{before}; {rate:.1f} photos/s; they are in {self.parts.folder}")
        for problem in problems:
            say(error_text(problem), err=True)
        if problems:
            raise typer.Exit(1)

    def _passed(self, photos: int) -> None:
        self.before += photos

    def _say(self, text: str) -> None:
        if not self.quiet:
            say(text)


class Later:
    """A number that another thread finds out; `value` is None until then, and where it cannot be found out."""

    def __init__(self, count: Callable[[], int]):
        self.value: int | None = None
        self._count = count
        threading.Thread(target=self._find_out, daemon=True).start()

    def _find_out(self) -> None:
        with suppress(FreeSegError, OSError):
            self.value = self._count()
