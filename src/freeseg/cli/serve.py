"""`freeseg serve`: a web page and an API."""

from __future__ import annotations

import os

from freeseg.cli.options import ModelOptions
from freeseg.cli.output import say
from freeseg.serve.settings import Access, Limits


def serve(*, model: ModelOptions, access: Access, limits: Limits) -> None:
    """Serve a web page and an API: segment photos by words from a browser or from any program.

    The page is at /, the API at /v1, its documentation at /docs. Photos stay in memory, and go when nobody asks for
    them. Ctrl-C or SIGTERM stops the server: what runs is finished.

    Examples:
        freeseg serve
        freeseg serve --port 9000 --keep-photos 16 --max-megabytes 10
        freeseg serve --host 0.0.0.0 --token a-long-secret-of-your-own
    """
    from freeseg import extras

    # Several jobs run at once, each in a thread. NumPy's own threads, made when it is imported, would be in their way.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    extras.require(*extras.SERVE, what="freeseg serve")
    from freeseg.serve.running import serve as run

    run(model.load, limits, access, started=lambda address: say(f"FreeSeg is at {address}, its API at {address}/docs"))
    say("freeseg: stopped", err=True)
