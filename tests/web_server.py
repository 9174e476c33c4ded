"""A web server on this machine, which sends what a test wants byte by byte."""

from __future__ import annotations

import io
import socketserver
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
from PIL import Image

from freeseg.errors import PhotoError
from freeseg.photos import WebPhoto

Answer = Callable[[], Iterable[bytes]]


class WebServer(socketserver.ThreadingTCPServer):
    """A server; `answers` has what it sends for a path, and `asked` the requests that it got."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext | None = None):
        super().__init__(("127.0.0.1", 0), _Request)
        self.context = context
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.server_address[1])

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def send(self, path: str, content: bytes, *headers: str, status: str = "200 OK") -> str:
        """Let this be the answer for a path; gives its URL."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers]
        return self.stream(path, lambda: [head(*lines), content])

    def redirect(self, path: str, to: str) -> str:
        """Let a path lead to another URL; gives its own."""
        return self.send(path, b"", f"Location: {to}", status="302 Found")

    def stream(self, path: str, answer: Answer) -> str:
        """Let a path send these pieces, headers among them; gives its URL."""
        self.answers[path] = answer
        return self.url(path)


class _Request(socketserver.StreamRequestHandler):
    server: WebServer

    def handle(self) -> None:
        with suppress(OSError):  # who asks may go away
            if self.server.context:
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
            request = "".join(line.decode("latin-1") for line in iter(self.rfile.readline, b"\r\n"))
            self.server.asked.append(request)
            path = request.split()[1].partition("?")[0] if request else ""
            answer = self.server.answers.get(path, lambda: [head("HTTP/1.1 404 Not Found", "Content-Length: 0")])
            for piece in answer():
                self.wfile.write(piece)
                self.wfile.flush()


def head(*lines: str) -> bytes:
    """The lines before the content of an answer."""
    return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def web_server(context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """A server that runs while the block does."""
    with WebServer(context) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def png(size: tuple[int, int] = (44, 30)) -> bytes:
    """A picture, as a file."""
    file = io.BytesIO()
    Image.effect_noise(size, 50).save(file, "PNG")
    return file.getvalue()


def refused(url: str, *, allow_private: bool = True) -> str:
    """The rest of the one line with which a URL is refused."""
    with pytest.raises(PhotoError) as caught:
        WebPhoto(url, allow_private).fetch()
    (line,) = str(caught.value).splitlines()
    assert line.startswith("cannot read ")
    return line
