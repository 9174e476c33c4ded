"""`freeseg serve` as a command: how it starts, how it ends, and what it refuses."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from commands import Run
from freeseg import extras
from freeseg.serve import running
from freeseg.serve.settings import TOKEN_VARIABLE
from processes import Started

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_comes(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, TOKEN_VARIABLE: "a-token-of-the-test", "FREESEG_CACHE": ""}
    environment.pop("FREESEG_CACHE")
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    with Started.command("serve", "--port", 0, environment=environment, folder=tmp_path) as serving:
        serving.wait_until(lambda: bool(ADDRESS.search(serving.said)))
        [port] = map(int, ADDRESS.findall(serving.said)[:1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for path, headers, status in (
            ("/ready", {}, 200),
            ("/v1/models", {}, 401),
            ("/v1/models", {"Authorization": "Bearer a-token-of-the-test"}, 200),
        ):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
        os.kill(serving.pid, number)
        done = serving.wait()
        connection.close()
    assert done.code == 0
    assert done.out.startswith(f"FreeSeg is at http://127.0.0.1:{port}, ")
    *lines, last = done.err.splitlines()
    assert last == "freeseg: stopped"
    assert [line.split(" ", 2)[2].rsplit(" ", 2)[0] for line in lines] == [
        "GET /ready 200",
        "GET other 401",
        "GET /v1/models 200",
    ]
    assert not list(tmp_path.rglob("*"))  # nothing was written


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", taken.getsockname()[1])
    assert done.code == 1
    assert "in use" in done.err
    assert "--port" in done.err
    assert done.err.count("\n") == 1


def test_others_are_kept_out_unless_the_user_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    done = run("serve", "--host", "0.0.0.0", "--port", 0)  # noqa: S104 - it is refused
    assert done.code == 1
    assert "set a token" in done.err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--port", 70_000, "port is 70000"),
        ("--max-megabytes", "nan", "max_megabytes is nan"),
        ("--keep-photos", -1, "keep_photos is -1"),
        ("--token", "short", "the token must have"),
        ("--allow-origin", "example.org", "is no origin"),
    ],
)
def test_options_that_make_no_sense(run: Run, option: str, value: object, said: str) -> None:
    done = run("serve", option, value)
    assert done.code == 1
    assert said in done.err
    assert done.err.count("\n") == 1


def test_an_address_that_is_not_here(run: Run) -> None:
    done = run("serve", "--host", "no such host", "--open-to-all")
    assert done.code == 1
    assert done.err.startswith("freeseg: cannot listen at no such host, port 8000 (")


def test_without_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda package: package != "uvicorn")
    done = run("serve")
    assert (done.code, done.err) == (1, 'freeseg: freeseg serve needs uvicorn; run: pip install "freeseg[serve]"\n')


@pytest.mark.usefixtures("on_tiny")
def test_what_it_says_when_it_is_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stop(server: running.StoppableServer) -> None:
        server.stop()

    monkeypatch.setattr(running.StoppableServer, "main_loop", stop)
    done = run("serve", "--port", 0, "--host", "localhost")
    assert done.code == 0
    assert re.fullmatch(r"FreeSeg is at http://localhost:\d+, its API at http://localhost:\d+/docs\n", done.out)
