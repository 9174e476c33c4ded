"""`freeseg embed`: look at photos once, to ask about them later."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.many import Address, RetryErrors, Where, options_of, run_over_photos
from freeseg.cli.options import ENGINE_HELP, ModelOptions, Out, Photos, Quiet
from freeseg.engines.choose import EngineName


def embed(
    photos: Photos,
    *,
    out: Out,
    quiet: Quiet = False,
    model: Annotated[ModelOptions, Without(("engine", "revision", "mode", "device", "views", "onnx"))],
    engine: Annotated[
        EngineName | Literal["ray"],
        typer.Option("--engine", help=f"{ENGINE_HELP} ray shares the photos out, on this machine or a cluster."),
    ] = "auto",
    address: Address = None,
    retry_errors: RetryErrors = False,
) -> None:
    """Look at photos once, and keep what the model saw, so that freeseg query can ask for any words later.

    The output is a folder of Parquet files with a row for each photo: its patch embeddings, and the picture that the
    model saw. It takes about 2 MB for each photo. A run that is stopped goes on where it was when it is repeated. It
    needs the extra parquet, and with --engine ray the extra ray.

    Examples:
        freeseg embed photos --out embeddings
        freeseg embed photos --short-side 256 --out small-embeddings
        freeseg embed s3://bucket/shards --engine ray --address head:6379 --out s3://bucket/seen  # needs a network
    """
    from freeseg.distributed import embedding_plan
    from freeseg.distributed.embedding import MOST_EMBEDDED

    where = Where(on_ray=engine == "ray", address=address, quiet=quiet, retry_errors=retry_errors)
    chosen = options_of(model) | {"engine": "auto" if engine == "ray" else engine}
    run_over_photos(photos, lambda: embedding_plan(**chosen), out, where, most=MOST_EMBEDDED)
