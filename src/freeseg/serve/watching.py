"""What the server says of itself: a line in the log for each request, and numbers for Prometheus.

Neither holds a photo, a word or a photo's id: a request is named by its route, such as `/v1/photos/{id}/segment`.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freeseg.serve.kept import KeptPhotos
from freeseg.serve.problems import CLIENT_GONE, Problem
from freeseg.serve.work import Work

log = logging.getLogger("freeseg.serve")
_FOLDERS = ("/page/", "/docs/")  # of files, none of which is a route of its own
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The numbers of one server."""

    def __init__(self, work: Work, kept: KeptPhotos):
        self.registry = CollectorRegistry()
        names = ("method", "route", "status")
        self.requests = Counter("freeseg_requests", "Requests that were answered.", names, registry=self.registry)
        self.seconds = Histogram(
            "freeseg_request_seconds", "Seconds to answer.", ("route",), buckets=SECONDS, registry=self.registry
        )
        self.photos = Counter("freeseg_photos", "Photos that were looked at.", registry=self.registry)
        gauges = {
            "freeseg_jobs_waiting": ("Jobs that wait for the model.", lambda: work.waiting),
            "freeseg_jobs_running": ("Jobs that the model does now.", lambda: work.running),
            "freeseg_kept_photos": ("Photos that are kept in memory.", lambda: len(kept)),
            "freeseg_kept_bytes": ("Bytes of the photos that are kept.", lambda: kept.bytes),
        }
        for name, (about, value) in gauges.items():
            Gauge(name, about, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """In the form that Prometheus reads."""
        return generate_latest(self.registry)


class Watching:
    """The outermost ASGI layer: counts and logs each request, and answers what nothing else has answered.

    Args:
        app: What is behind it.
        metrics: Where requests are counted.
        log_words: Whether whole addresses are logged, with the words in them.
        ended: Called with every request that has come to its end, whichever it was.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, log_words: bool, ended: Callable[[Scope], None]):
        self.app, self.metrics, self.log_words, self.ended = app, metrics, log_words, ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, counted)
        except Exception as error:
            log_error(error)
            if status:  # half of an answer is out: closing the connection is all that tells
                raise
            fix = "look into the server's log"
            await Problem(500, "internal", "the server could not answer this request", fix).response()(
                scope, receive, counted
            )
        finally:
            self.ended(scope)
            self._note(scope, status or CLIENT_GONE, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self.metrics.requests.labels(scope["method"] if route != "other" else "other", route, status).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        shown = route
        if self.log_words:
            query = scope["query_string"].decode("ascii", "replace")
            shown = (scope["path"] + (f"?{query}" if query else ""))[:1000].encode("unicode_escape").decode()
        method = scope["method"] if scope["method"].isalpha() else "?"
        log.info("%s %s %d %.0f ms", method[:10], shown, status, 1000 * seconds)


def log_error(error: BaseException) -> None:
    """Log an error of the server's own: its kind and its place, and not its words, which may be a client's."""
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s\n%s", type(error).__name__, places.rstrip())


def _route(scope: Scope) -> str:
    """The route of a request, without what is in it; "other" for an address that there is not."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    return next((f"{folder}..." for folder in _FOLDERS if scope["path"].startswith(folder)), "other")
