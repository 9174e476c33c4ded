"""Running the server: its socket, its log, and how it stops."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from freeseg.errors import FreeSegError, reason
from freeseg.pipeline import FreeSeg
from freeseg.serve.app import create_app
from freeseg.serve.protocol import guarded
from freeseg.serve.settings import Access, Limits
from freeseg.system import CACHE

_BACKLOG = 2048
_OTHER_LOGS = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")  # their lines may hold a client's words
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppableServer(uvicorn.Server):
    """uvicorn's server, which lets running requests finish and refuses the rest as soon as it is told to stop."""

    def __init__(self, app: FastAPI, limits: Limits):
        config = uvicorn.Config(
            app,
            http=guarded(limits.max_connections, limits.upload_seconds),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(limits.stop_seconds)),
            lifespan="on",
        )
        super().__init__(config)
        for name in _OTHER_LOGS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._work = app.state.server.work

    def stop(self) -> None:
        """Finish what runs, refuse the rest, and end. From the thread of the event loop."""
        self._work.close()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come; a second one does not wait for what runs."""
        self.force_exit = self.should_exit
        asyncio.get_running_loop().call_soon_threadsafe(self.stop)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stop at a signal. It is not raised again at the end: a server that was told to stop has done its duty."""
        loop = asyncio.get_running_loop()
        try:
            for each in _SIGNALS:
                loop.add_signal_handler(each, self.handle_exit, each, None)
        except (NotImplementedError, RuntimeError, ValueError):  # not in the main thread, or on Windows
            yield
            return
        try:
            yield
        finally:
            for each in _SIGNALS:
                loop.remove_signal_handler(each)


def listen(access: Access) -> socket.socket:
    """A socket that listens where the server is to be.

    Raises:
        FreeSegError: The address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(access.host, access.port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise FreeSegError(
            f"cannot listen at {access.host}, port {access.port} ({reason(error)}); choose another --host or --port"
        ) from error
    # For its connections too: an answer's end goes out at once, and does not wait 40 ms for a receipt of its beginning.
    # asyncio does so by itself only where a socket names its protocol, which those of create_server do not.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def free_port(access: Access) -> int:
    """The port at which somebody else may listen now.

    Raises:
        FreeSegError: The address cannot be had.
    """
    with listen(access) as listening:
        return int(listening.getsockname()[1])


def url_of(access: Access, port: int) -> str:
    """Where the server is.

    Example:
        >>> url_of(Access(host="::1"), 8000)
        'http://[::1]:8000'
    """
    host = f"[{access.host}]" if ":" in access.host else access.host
    return f"http://{host}:{port}"


def serve(
    load: Callable[[], FreeSeg], limits: Limits, access: Access, *, started: Callable[[str], None] = print
) -> None:
    """Run the server until a signal stops it.

    Words that clients ask for are not kept on disk, unless the variable FREESEG_CACHE names a folder for them.

    Args:
        load: Gives the model. It is called once the address is known to be free.
        limits: How much the server takes on.
        access: Where it listens, and who may ask.
        started: Called with the address when requests are answered.

    Raises:
        FreeSegError: The address cannot be had; and as of `load`.
    """
    os.environ.setdefault(CACHE, "off")
    with listen(access) as socket_, warnings.catch_warnings(), _logged_to_stderr():
        warnings.simplefilter("ignore")  # they hold words; what concerns a client is in its answer
        server = StoppableServer(create_app(load(), limits, access), limits)
        address = url_of(access, socket_.getsockname()[1])
        asyncio.run(_run(server, socket_, lambda: started(address)))


async def _run(server: StoppableServer, socket_: socket.socket, started: Callable[[], None]) -> None:
    running = asyncio.create_task(server.serve([socket_]))
    while not server.started and not running.done():
        await asyncio.sleep(0.01)
    if server.started:
        started()
    await running


@contextmanager
def _logged_to_stderr() -> Generator[None]:
    """The server's own lines go to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("freeseg.serve")
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before
