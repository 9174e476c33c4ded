"""Clients of a server on this machine: how fast it answers, and what it answers when it is asked for too much."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from uuid import uuid4

HOST = "127.0.0.1"
GIVE_UP = 60.0  # seconds after which an answer does not come any more
REST = 0.05  # seconds that a client waits before it asks again after a 503


@dataclass
class Answers:
    """What clients were answered.

    Attributes:
        statuses: How often each HTTP status came; 0 for a connection that broke.
        seconds: Of the answers of 200, from the first byte that was sent to the last one that came.
        wall: Seconds from the first request to the last answer.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Answers of 200 a second."""
        return len(self.seconds) / self.wall

    def percentiles(self) -> tuple[float, float, float]:
        """The median, and how long 95 and 99 of 100 answers took at most."""
        if len(self.seconds) < 2:
            return (*self.seconds * 3,)[:3] if self.seconds else (float("nan"),) * 3  # type: ignore[return-value]
        cuts = quantiles(self.seconds, n=100, method="inclusive")
        return cuts[49], cuts[94], cuts[98]


def form(photo: bytes, labels: str) -> tuple[bytes, str]:
    """A photo and labels as a multipart form, and its type."""
    mark = uuid4().hex
    parts = (
        f'--{mark}\r\nContent-Disposition: form-data; name="labels"\r\n\r\n{labels}\r\n'.encode(),
        f'--{mark}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'.encode(),
        photo + f"\r\n--{mark}--\r\n".encode(),
    )
    return b"".join(parts), f"multipart/form-data; boundary={mark}"


def request(path: str, body: bytes, kind: str) -> bytes:
    """A request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection:
    """A connection that stays open.

    Args:
        port: Of the server.
    """

    def __init__(self, port: int):
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Send a request; gives the status and the body of the answer."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(HOST, self.port)
        self._writer.write(sent)
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        body = await self._reader.readexactly(length)
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), body

    def close(self) -> None:
        """Close it; the next question opens another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def closed_loop(port: int, requests: Sequence[bytes], *, clients: int, seconds: float) -> Answers:
    """Clients that ask, each again as soon as it is answered, for some seconds."""
    found, start = Answers(), time.perf_counter()

    async def ask_again_and_again(first: int) -> None:
        connection, place = Connection(port), first
        while time.perf_counter() - start < seconds:
            if await _ask(connection, requests[place % len(requests)], found) != 200:
                await asyncio.sleep(REST)
            place += clients
        connection.close()

    await asyncio.gather(*map(ask_again_and_again, range(clients)))
    found.wall = time.perf_counter() - start
    return found


async def open_loop(port: int, requests: Sequence[bytes], *, rate: float, seconds: float) -> Answers:
    """Requests that come at a rate, each on a connection of its own, whether those before are answered or not."""
    found, start = Answers(), time.perf_counter()

    async def ask_once(place: int) -> None:
        connection = Connection(port)
        await _ask(connection, requests[place % len(requests)], found)
        connection.close()

    waiting: set[asyncio.Task[None]] = set()
    for place in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, start + place / rate - time.perf_counter()))
        task = asyncio.create_task(ask_once(place))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    found.wall = time.perf_counter() - start
    return found


async def _ask(connection: Connection, sent: bytes, found: Answers) -> int:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(GIVE_UP):
            status, _ = await connection.ask(sent)
    except (OSError, EOFError, TimeoutError, ValueError):
        connection.close()
        status = 0
    found.statuses[status] += 1
    if status == 200:
        found.seconds.append(time.perf_counter() - begun)
    return status
