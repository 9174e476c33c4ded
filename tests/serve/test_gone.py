"""Clients that go away cost nothing more, and a server that is stopped finishes what runs and refuses the rest."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from freeseg.pipeline import FreeSeg
from freeseg.serve.settings import Limits
from serving import Answer, Serving, form, read_to_end, request_head, serving, wait_until


class Gate:
    """Holds the model's work until it is opened, and counts what was begun."""

    def __init__(self, server: Serving, monkeypatch: pytest.MonkeyPatch):
        self.begun: list[str] = []
        self.open = threading.Event()
        segment = server.server.segment

        def wait(asked: Any) -> Any:
            self.begun.append(asked.name)
            self.open.wait(10)
            return segment(asked)

        monkeypatch.setattr(server.server, "segment", wait)


def request(photo: bytes, name: str) -> bytes:
    body, kind = form([(name, photo)], labels="cat")
    return request_head("POST", "/v1/segment", f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body


def test_a_client_that_goes_away_is_not_worked_for(
    small: FreeSeg, noise: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(small) as server:
        gate, work = Gate(server, monkeypatch), server.server.work
        with server.connect() as first:
            first.sendall(request(noise, "first"))
            wait_until(lambda: gate.begun == ["first"])
            with server.connect() as second, server.connect() as third:
                second.sendall(request(noise, "second"))
                wait_until(lambda: work.waiting == 1)
                third.sendall(request(noise, "third"))
                wait_until(lambda: work.waiting == 2)
                second.close()
                wait_until(lambda: work.waiting == 1)
                gate.open.set()
                assert third.recv(15) == b"HTTP/1.1 200 OK"
            assert first.recv(15) == b"HTTP/1.1 200 OK"
        wait_until(lambda: not work.running)
        assert gate.begun == ["first", "third"]
        wait_until(lambda: server.server.uploads.bytes == 0)
        assert 'status="499"' in server.get("/metrics").body.decode()


def test_one_that_goes_while_it_is_worked_for(small: FreeSeg, noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(small) as server:
        gate, work = Gate(server, monkeypatch), server.server.work
        with server.connect() as client:
            client.sendall(request(noise, "first"))
            wait_until(lambda: work.running == 1)
        wait_until(lambda: server.server.uploads.bytes == 0)
        assert work.running == 1  # its thread is still at it
        gate.open.set()
        wait_until(lambda: not work.running)
        assert server.post_form("/v1/segment", [noise], labels="cat").status == 200


def test_stopping_finishes_what_runs_and_refuses_the_rest(
    small: FreeSeg, noise: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, Answer] = {}
    with serving(small, Limits(stop_seconds=10)) as server:
        gate, work = Gate(server, monkeypatch), server.server.work

        def ask(name: str) -> None:
            answers[name] = server.post_form("/v1/segment", [(name, noise)], labels="cat")

        threads = [threading.Thread(target=ask, args=[name]) for name in ("runs", "waits")]
        threads[0].start()
        wait_until(lambda: work.running == 1)
        threads[1].start()
        wait_until(lambda: work.waiting == 1)
        idle = server.connect()
        wait_until(lambda: len(server.uvicorn.server_state.connections) == 3)
        server.stop()
        threads[1].join(10)
        assert answers["waits"].status == 503
        assert answers["waits"].problem()["type"] == "urn:freeseg:problem:stopping"
        assert answers["waits"].headers["retry-after"]
        with idle:
            assert read_to_end(idle) == b""
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system has it
            server.ask("GET", "/health")
        gate.open.set()
        threads[0].join(10)
        assert answers["runs"].status == 200
        server.thread.join(10)
        assert not server.thread.is_alive()


def test_not_ready_while_it_stops(quick: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    assert quick.get("/ready").json == {"status": "ready"}
    monkeypatch.setattr(quick.server.work, "closed", True)
    assert quick.get("/health").json == {"status": "ok"}
    answer = quick.get("/ready")
    assert answer.status == 503
    answer.problem()
