"""`freeseg query`: masks of new words for photos that `freeseg embed` has looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from freeseg.cli.many import Address, Job, Where, place
from freeseg.cli.options import Background, Labels, Out, Quiet, read_labels


def query(
    embeddings: Annotated[
        Path, typer.Argument(help="A folder that freeseg embed wrote, or its URL.", show_default=False)
    ],
    *,
    labels: Labels,
    out: Out,
    background: Background = True,
    quiet: Quiet = False,
    engine: Annotated[
        Literal["auto", "ray"],
        typer.Option("--engine", help="What computes: this process, or Ray, on this machine or a cluster."),
    ] = "auto",
    address: Address = None,
) -> None:
    """Give the masks of words for photos that freeseg embed has looked at; the photos themselves are not needed.

    The output is what freeseg segment --engine ray writes: a folder of Parquet files with a row for each photo. Patch
    embeddings are kept in 16 bits, so few pixels differ from those of a new look.

    Examples:
        freeseg query embeddings --labels "cat, dog" --out pets
        freeseg query embeddings --labels voc20 --out voc
    """
    from freeseg.distributed import Parts, missing_queries, query_plan
    from freeseg.distributed.embedding import MOST_EMBEDDED

    where = Where(on_ray=engine == "ray", address=address, quiet=quiet)
    where.check()
    vocabulary = read_labels(labels)
    source, parts = Parts(place(embeddings)), Parts(place(out))
    plan = query_plan(source.plan(), vocabulary, background=background)
    job = Job(plan, parts, where, MOST_EMBEDDED)
    job.run(
        missing_queries(source, plan, parts, passed=job.passed),
        lambda: sum(len(source.read(name, ["photo"])) for name in source.names()),
    )
