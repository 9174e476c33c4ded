"""`freeseg serve`: a web page and an API."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated, Literal

import typer

from freeseg.cli.dataclass_options import Without
from freeseg.cli.many import Address, refuse
from freeseg.cli.options import ENGINE_HELP, ModelOptions
from freeseg.cli.output import say
from freeseg.engines.choose import EngineName
from freeseg.serve.settings import Access, Limits


def serve(
    *,
    model: Annotated[ModelOptions, Without(("engine",))],
    engine: Annotated[
        EngineName | Literal["ray"],
        typer.Option(
            "--engine", help=f"{ENGINE_HELP} ray serves from several processes, on this machine or a cluster."
        ),
    ] = "auto",
    replicas: Annotated[
        int | None,
        typer.Option(
            "--replicas",
            min=1,
            max=10_000,
            help="With --engine ray: how many processes, each with a model. [default: one for each processor]",
        ),
    ] = None,
    address: Address = None,
    access: Access,
    limits: Limits,
) -> None:
    """Serve a web page and an API: segment photos by words from a browser or from any program.

    The page is at /, the API at /v1, its documentation at /docs. Photos stay in memory, and go when nobody asks for
    them. Ctrl-C or SIGTERM stops the server: what runs is finished.

    Examples:
        freeseg serve
        freeseg serve --port 9000 --keep-photos 16 --max-megabytes 10
        freeseg serve --host 0.0.0.0 --token a-long-secret-of-your-own
        freeseg serve --engine ray --address head:6379 --replicas 4  # needs a network
    """
    from freeseg import extras

    # Several jobs run at once, each in a thread. NumPy's own threads, made when it is imported, would be in their way.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def started(place: str) -> None:
        say(f"FreeSeg is at {place}, its API at {place}/docs")

    if engine == "ray":
        from freeseg.distributed.serving import serve_on_ray

        serve_on_ray(model.for_load(), limits, access, replicas=replicas, address=address, started=started)
    else:
        refuse({"--replicas": replicas is not None, "--address": address is not None}, "another engine than ray")
        extras.require(*extras.SERVE, what="freeseg serve")
        from freeseg.serve.running import serve as run

        run(replace(model, engine=engine).load, limits, access, started=started)
    say("freeseg: stopped", err=True)
