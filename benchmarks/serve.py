"""How fast `freeseg serve` answers, alone and crowded, and what it does when it is asked for ten times what it can.

python -m benchmarks.serve --out docs/benchmarks/serve.md
python -m benchmarks.serve --quick    # few seconds each, printed: a check that everything runs

Server and clients run on this machine and share its processors; nothing is sent to another one. It ends within three
minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import freeseg
from benchmarks import machine, photos
from benchmarks.clients import Answers, Connection, closed_loop, form, open_loop, request
from benchmarks.page import deliver, head
from benchmarks.tables import megabytes, ms, table
from freeseg.pipeline import FreeSeg

LABELS = 20
CLIENTS = (1, 4, 16, 64)
TIMES = 10  # what the crowd asks for, of what the server can do
KEPT, UPLOADS = 100, 100  # megabytes that the server may use for kept photos, and for what it receives
OPTIONS = ("--keep-megabytes", str(KEPT), "--max-upload-megabytes", str(UPLOADS), "--max-waiting", "64")
WORK_MB = 40  # megabytes for each photo of 500x375 that is worked on, and each connection's share of the answers
AT_LEAST = 0.9  # of what `stream` does


@dataclass(frozen=True)
class Length:
    """How long each part takes, in seconds, and how often it is repeated."""

    seconds: float = 5
    crowded: float = 15
    repeats: int = 3
    photos: int = 40
    questions: int = 30


QUICK = Length(0.5, 0.5, 1, 3, 3)


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    pid: int

    def memory(self, what: str = "VmRSS") -> float:
        """Megabytes that it uses, or used at most (`VmHWM`); NaN where there is no Linux."""
        status = Path(f"/proc/{self.pid}/status")
        found = re.search(rf"^{what}:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
        return int(found[1]) * 1024 / 1e6 if found else float("nan")


@contextmanager
def served() -> Iterator[Server]:
    """`freeseg serve` in a process of its own, on a free port of this machine."""
    command = [sys.executable, "-m", "freeseg", "serve", "--port", "0", *OPTIONS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r":(\d+),", line)
            if found is None:
                raise RuntimeError(f"the server did not start: {line!r}")
            yield Server(int(found[1]), process.pid)
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    """Measure, then print the page or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write; else the page is printed")
    parser.add_argument("--quick", action="store_true", help="few seconds each: the numbers mean nothing")
    arguments = parser.parse_args()
    length, clock = QUICK if arguments.quick else Length(), machine.Clock.now()
    with tempfile.TemporaryDirectory() as name, served() as server:
        contents = [path.read_bytes() for path in photos.usual(Path(name), length.photos)]
        sections = asyncio.run(_measured(server, contents, length))
    intro = (
        f"JPEGs of {photos.SIZE[0]}x{photos.SIZE[1]} with {LABELS} labels, photo to JSON with run-length codes. "
        "The server and its clients share the processors of this machine."
    )
    lines = [*head("freeseg serve", "benchmarks.serve", clock), "", intro, *sections]
    deliver("\n".join(lines) + "\n", arguments.out)


async def _measured(server: Server, contents: list[bytes], length: Length) -> list[str]:
    words = photos.words(LABELS)
    asked = [request("/v1/segment", *form(content, ", ".join(words))) for content in contents]
    await closed_loop(server.port, asked, clients=2, seconds=length.seconds / 3)  # words are embedded, buffers are made
    return [
        *await _against_stream(server, contents, asked, words, length),
        *await _clients(server, asked, length),
        *await _kept(server, contents[0], words, length),
        *await _crowded(server, asked, length),
    ]


async def _against_stream(
    server: Server, contents: list[bytes], asked: list[bytes], words: list[str], length: Length
) -> list[str]:
    """The server's throughput beside that of the library."""
    model = freeseg.load()
    rates: dict[str, list[float]] = {"server": [], "stream": []}
    for turn in range(length.repeats + 1):
        answers = await closed_loop(server.port, asked, clients=4, seconds=length.seconds)
        streamed = await asyncio.to_thread(_stream_rate, model, contents, words, length.seconds)
        if turn:
            rates["server"].append(answers.rate)
            rates["stream"].append(streamed)
    ours, theirs = median(rates["server"]), median(rates["stream"])
    verdict = "as it must be" if ours >= AT_LEAST * theirs else "**too little**"
    return [
        "",
        "## Against the library",
        "",
        *table(["", "photos/s"], [["`FreeSeg.stream` in a loop", f"{theirs:.1f}"], ["4 clients", f"{ours:.1f}"]]),
        "",
        f"The server does {ours / theirs:.2f} of what `stream` does, at least {AT_LEAST} ({verdict}). "
        f"Medians of {length.repeats} turns of {length.seconds:g} s each, after one that does not count.",
    ]


def _stream_rate(model: FreeSeg, contents: list[bytes], words: list[str], seconds: float) -> float:
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        done += sum(1 for _ in model.stream(contents, words))
    return done / (time.perf_counter() - start)


async def _clients(server: Server, asked: list[bytes], length: Length) -> list[str]:
    rows = []
    for clients in CLIENTS:
        answers = await closed_loop(server.port, asked, clients=clients, seconds=length.seconds)
        rows.append([str(clients), f"{answers.rate:.1f}", *map(ms, answers.percentiles()), _statuses(answers)])
    return [
        "",
        "## More and more clients",
        "",
        *table(["clients", "photos/s", "p50, ms", "p95, ms", "p99, ms", "answers"], rows),
        "",
        f"Each client asks again as soon as it is answered, for {length.seconds:g} s. The server lets 64 requests wait "
        "(`--max-waiting 64`).",
    ]


async def _kept(server: Server, content: bytes, words: list[str], length: Length) -> list[str]:
    """What a question about a kept photo costs."""
    connection = Connection(server.port)
    kept = request("/v1/photos", content, "image/jpeg")
    status, body = await connection.ask(kept)
    if status != 201:
        raise RuntimeError(f"the photo was not kept: {status}")
    path = f"/v1/photos/{json.loads(body)['id']}/segment"
    known = json.dumps({"labels": words}).encode()

    def new(number: int) -> bytes:
        return json.dumps({"labels": [f"{word} number {number}" for word in words]}).encode()

    async def time_of(question: Callable[[int], bytes]) -> float:
        taken = []
        for number in range(length.questions):
            begun = time.perf_counter()
            await connection.ask(request(path, question(number), "application/json"))
            taken.append(time.perf_counter() - begun)
        return median(taken)

    sent = request("/v1/segment", *form(content, ", ".join(words)))
    whole = []
    for _ in range(length.questions):
        begun = time.perf_counter()
        await connection.ask(sent)
        whole.append(time.perf_counter() - begun)
    rows = [
        ["photo and words in one request", ms(median(whole))],
        ["a kept photo, words that were asked for before", ms(await time_of(lambda _: known))],
        [f"a kept photo, {LABELS} words that nobody asked for before", ms(await time_of(new))],
    ]
    connection.close()
    return [
        "",
        "## Looking once, asking many times",
        "",
        *table(["", "p50, ms"], rows),
        "",
        f"One client, {length.questions} questions each. The last row is the text model's work in the main.",
    ]


async def _crowded(server: Server, asked: list[bytes], length: Length) -> list[str]:
    """Ten times as many requests as it can answer; and the time of a lone client before and after."""
    before = await closed_loop(server.port, asked, clients=1, seconds=length.seconds)
    can = (await closed_loop(server.port, asked, clients=4, seconds=length.seconds)).rate
    idle = server.memory()
    bound = idle + KEPT + UPLOADS + 2 * WORK_MB
    crowd = await open_loop(server.port, asked, rate=TIMES * can, seconds=length.crowded)
    peak = server.memory("VmHWM")
    after = await closed_loop(server.port, asked, clients=1, seconds=length.seconds)
    others = {status for status in crowd.statuses if status not in (200, 503)}
    rows = [
        ["requests", f"{sum(crowd.statuses.values()):,} in {crowd.wall:.1f} s"],
        ["answers", _statuses(crowd) + (" **other than 200 and 503**" if others else "")],
        ["answers of 200 a second", f"{crowd.rate:.1f} of {can:.1f} without the crowd"],
        ["p50, p95, p99 of those", ", ".join(f"{ms(each)} ms" for each in crowd.percentiles())],
        ["memory before, at most", f"{megabytes(idle)}, {megabytes(peak)}"],
        ["bound of memory", f"{megabytes(bound)}" + ("" if not peak > bound else " **exceeded**")],
        ["p50 of a lone client before", f"{ms(before.percentiles()[0])} ms"],
        ["p50 of a lone client after", f"{ms(after.percentiles()[0])} ms"],
    ]
    return [
        "",
        f"## {TIMES} times what it can do",
        "",
        *table(["", "measured"], rows),
        "",
        f"Requests come at {TIMES} times the rate that 4 clients get, each on a connection of its own, whether those "
        f"before are answered or not. The bound is the memory before, {KEPT} MB for kept photos (`--keep-megabytes`), "
        f"{UPLOADS} MB for requests (`--max-upload-megabytes`) and {WORK_MB} MB for each of two photos at work.",
    ]


def _statuses(answers: Answers) -> str:
    return ", ".join(f"{count:,} of {status or 'no answer'}" for status, count in sorted(answers.statuses.items()))


if __name__ == "__main__":
    main()
