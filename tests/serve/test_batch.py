"""Many photos in one request, answered line by line."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from PIL import Image

from freeseg.pipeline import FreeSeg
from freeseg.serve.settings import Limits
from serving import Answer, Serving, form, png, read_to_end, request_head, serving, wait_until


def lines(answer: Answer) -> list[Any]:
    assert (answer.status, answer.media) == (200, "application/x-ndjson"), answer.body
    return [json.loads(line) for line in answer.body.splitlines()]


def shades(count: int) -> list[tuple[str, bytes]]:
    """Different photos."""
    return [(f"{shade}.png", png(Image.new("RGB", (40, 30), (shade, 0, 0)))) for shade in range(count)]


def test_a_line_for_each_photo(quick: Serving) -> None:
    found = lines(quick.post_form("/v1/batch", shades(64), labels="cat, dog"))
    assert sorted(each["index"] for each in found) == list(range(64))
    assert {each["file"] for each in found} == {f"{number}.png" for number in range(64)}
    assert all([label["label"] for label in each["labels"]] == ["cat", "dog"] for each in found)


def test_a_photo_that_cannot_be_read_costs_no_other(quick: Serving, noise: bytes) -> None:
    photos = [("a.png", noise), ("b.png", b"no photo"), ("c.png", b""), ("d.png", noise)]
    found = {each["file"]: each for each in lines(quick.post_form("/v1/batch", photos, labels="cat"))}
    assert [name for name, each in found.items() if "problem" not in each] == ["a.png", "d.png"]
    assert found["b.png"]["problem"]["detail"].startswith("cannot read the photo")
    assert "0 bytes" in found["c.png"]["problem"]["detail"]


def test_what_a_batch_must_have(quick: Serving, noise: bytes) -> None:
    for answer in (
        quick.post_form("/v1/batch", [], labels="cat"),
        quick.post_form("/v1/batch", [noise]),
        quick.post_form("/v1/batch", [noise], labels="cat", background="perhaps"),
    ):
        assert answer.status == 422
        answer.problem()
    too_many = quick.post_form("/v1/batch", [noise] * 65, labels="cat")
    assert too_many.status == 413
    assert "64" in too_many.problem()["fix"]
    wait_until(lambda: quick.server.uploads.bytes == 0)


def batch_request(photos: list[bytes]) -> bytes:
    """A request to segment photos, as it goes through the wire."""
    body, kind = form(photos, labels="cat")
    return request_head("POST", "/v1/batch", f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body


def test_lines_come_as_they_are_done(small: FreeSeg, noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line is here before the second photo is begun; and when the client goes, no other photo is."""
    with serving(small) as server:
        go, begun, segment = threading.Semaphore(0), [], server.server.segment

        def wait(asked: Any) -> Any:
            begun.append(asked.name)
            go.acquire()
            return segment(asked)

        monkeypatch.setattr(server.server, "segment", wait)
        with server.connect() as connection:
            connection.sendall(batch_request([noise] * 5))
            go.release()
            got = b""
            while b'"index":0' not in got:
                got += connection.recv(65_536)
            wait_until(lambda: len(begun) == 2)
        go.release()
        wait_until(lambda: not server.server.work.running)
        assert len(begun) == 2
        wait_until(lambda: server.server.uploads.bytes == 0)


def test_stopping_tells_of_the_rest(small: FreeSeg, noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(small, Limits(stop_seconds=5)) as server:
        go, begun, segment = threading.Event(), threading.Event(), server.server.segment

        def wait(asked: Any) -> Any:
            begun.set()
            go.wait(10)
            return segment(asked)

        monkeypatch.setattr(server.server, "segment", wait)
        with server.connect() as connection:
            connection.sendall(batch_request([noise] * 3))
            assert begun.wait(10)
            server.stop()
            wait_until(lambda: server.server.work.closed)
            go.set()
            got = read_to_end(connection)
    assert got.count(b'"labels"') == 1
    assert got.count(b"urn:freeseg:problem:stopping") == 2
