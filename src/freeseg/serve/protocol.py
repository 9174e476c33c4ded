"""Connections: how many, how long one may say nothing, and what is answered to what is no HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from freeseg.serve.problems import PROBLEM, Problem, busy

HEADER_SECONDS = 10.0  # in which a request's header must be there


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol, with limits on connections, on how slowly a request may begin, and on answers not taken.

    Attributes:
        max_connections, stalled_seconds: Set by `guarded`.
    """

    max_connections = 500
    stalled_seconds = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._slow: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        if len(self.connections) > self.max_connections:
            self._refuse(busy(1))
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """A client has sent something."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client has gone."""
        self._stop_watch()
        self._stop_stalled()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """A request is answered."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """More waits to be sent than the client takes now."""
        super().pause_writing()
        self._check_progress(None)

    def resume_writing(self) -> None:
        """The client has taken it."""
        self._stop_stalled()
        super().resume_writing()

    def _check_progress(self, before: int | None) -> None:
        """Close a connection of which nothing was taken for long; what waits for it would be kept for ever."""
        left = self.transport.get_write_buffer_size()
        if before is not None and left >= before:
            self.transport.abort()
        else:
            self._stalled = self.loop.call_later(self.stalled_seconds, self._check_progress, left)

    def _stop_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse(Problem(400, "http", "this is no HTTP request", "let a library for HTTP write it"))

    def _watch(self) -> None:
        """Where no request is under way, the next must begin in time; till then, the rest of one is passed over."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_watch()
        elif self._slow is None:
            self._slow = self.loop.call_later(HEADER_SECONDS, self._close)

    def _stop_watch(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        content = problem.content()
        headers = {
            "Content-Type": PROBLEM,
            "Content-Length": str(len(content)),
            "Connection": "close",
            **problem.headers,
        }
        lines = [f"HTTP/1.1 {problem.status} {problem.to_dict()['title']}", *(f"{k}: {v}" for k, v in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + content)
        self.transport.close()


def guarded(max_connections: int, stalled_seconds: float) -> type[Any]:
    """The protocol with its limits, as uvicorn takes it.

    Args:
        max_connections: How many there may be.
        stalled_seconds: For how long a client may take nothing of its answer.
    """
    limits = {"max_connections": max_connections, "stalled_seconds": stalled_seconds}
    return type("Guarded", (GuardedProtocol,), limits)
