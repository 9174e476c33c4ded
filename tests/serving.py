"""A server in a thread of this process, and a client that says exactly what a test wants it to say."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from PIL import Image

from freeseg.pipeline import FreeSeg
from freeseg.serve.app import create_app
from freeseg.serve.running import StoppableServer, listen
from freeseg.serve.server import SegmentServer
from freeseg.serve.settings import Access, Limits

PATIENCE = 20.0  # seconds in which everything here must have happened


@dataclass
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def media(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]

    def problem(self) -> Any:
        """The problem that it is, which must have all that a problem has."""
        assert self.media == "application/problem+json", (self.status, self.body[:300])
        found = self.json
        assert set(found) == {"type", "title", "status", "detail", "fix"}
        assert found["status"] == self.status
        for text in (found["detail"], found["fix"]):
            assert text
            assert "\n" not in text
            assert "Traceback" not in text
            assert "/src/" not in text
            assert "site-packages" not in text
        return found


@dataclass
class Serving:
    """A running server, and questions to it."""

    port: int
    server: SegmentServer
    uvicorn: StoppableServer
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and read the whole answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            got = connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post_json(self, path: str, value: Any, accept: str = "*/*") -> Answer:
        headers = {"Content-Type": "application/json", "Accept": accept}
        return self.ask("POST", path, json.dumps(value).encode(), headers)

    def post_form(
        self,
        path: str,
        photos: Sequence[bytes | tuple[str, bytes]] = (),
        accept: str = "*/*",
        **fields: str,
    ) -> Answer:
        body, kind = form(photos, **fields)
        return self.ask("POST", path, body, {"Content-Type": kind, "Accept": accept})

    def keep(self, photo: bytes) -> str:
        """Send a photo to be kept; gives its id."""
        answer = self.ask("POST", "/v1/photos", photo, {"Content-Type": "image/png"})
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    def connect(self) -> socket.socket:
        """A connection of bytes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def raw(self, sent: bytes) -> bytes:
        """Send bytes, and read until the server closes."""
        with self.connect() as connection:
            connection.sendall(sent)
            return read_to_end(connection)

    def raw_answer(self, sent: bytes) -> bytes:
        """Send bytes, and read one answer."""
        with self.connect() as connection:
            connection.sendall(sent)
            return read_answer(connection)

    def stop(self) -> None:
        """What SIGTERM does."""
        self.loop.call_soon_threadsafe(self.uvicorn.stop)


@contextmanager
def serving(model: FreeSeg, limits: Limits | None = None, access: Access | None = None) -> Iterator[Serving]:
    """A server of a model on a free port."""
    limits, access = limits or Limits(stop_seconds=2), access or Access(port=0)
    app = create_app(model, limits, access)
    with listen(access) as socket_:
        running = StoppableServer(app, limits)
        loop = asyncio.new_event_loop()

        def work() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(running.serve([socket_]))
            loop.close()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        wait_until(lambda: running.started or not thread.is_alive())
        assert running.started
        found = Serving(socket_.getsockname()[1], app.state.server, running, thread, loop)
        if access.token is not None:
            found.headers["Authorization"] = f"Bearer {access.token}"
        try:
            yield found
        finally:
            if thread.is_alive():
                found.stop()
            thread.join(PATIENCE)
            assert not thread.is_alive()


def wait_until(condition: Any) -> None:
    """Return as soon as a condition holds; it must hold some time."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    got = b""
    try:
        while part := connection.recv(65_536):
            got += part
    except ConnectionResetError:
        pass
    return got


def read_answer(connection: socket.socket) -> bytes:
    """One answer, as its length says; the server may leave the connection open."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65_536)
        assert part, got
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    [length] = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def form(photos: Sequence[bytes | tuple[str, bytes]] = (), **fields: str) -> tuple[bytes, str]:
    """A multipart form and its type."""
    boundary = uuid4().hex
    parts = []
    for photo in photos:
        name, content = photo if isinstance(photo, tuple) else ("photo.png", photo)
        head = f'Content-Disposition: form-data; name="photo"; filename="{name}"\r\nContent-Type: image/png'
        parts.append(head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + content)
    for name, text in fields.items():
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode())
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def png(picture: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def request_head(method: str, path: str, *lines: str) -> bytes:
    """The head of a request, as bytes."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()
