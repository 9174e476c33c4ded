"""What the server says of itself: lines without words, numbers without names; and what it says when it fails."""

from __future__ import annotations

import logging
import re

import pytest

from freeseg.errors import FreeSegError, WeightsError
from freeseg.pipeline import FreeSeg
from freeseg.serve.settings import Access, Limits
from serving import Serving, serving, wait_until

SECRET = "a-very-secret-word"  # noqa: S105 - no password


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """The server's lines."""
    monkeypatch.setattr(logging.getLogger("freeseg.serve"), "propagate", True)
    caplog.set_level(logging.DEBUG)
    return caplog


def ask_with_the_word(server: Serving, photo: bytes) -> None:
    id = server.keep(photo)
    server.post_form("/v1/segment", [(f"{SECRET}.png", photo)], labels=SECRET)
    server.post_json(f"/v1/photos/{id}/segment", {"labels": [SECRET]})
    server.get(f"/v1/photos/{id}/similarity?label={SECRET}")
    server.get(f"/{SECRET}")
    server.post_form("/v1/segment", [photo], labels=f"{SECRET}, {SECRET}")


def test_a_line_for_each_request_without_its_words(quick: Serving, noise: bytes, log: pytest.LogCaptureFixture) -> None:
    ask_with_the_word(quick, noise)

    def lines() -> list[str]:
        return [record.getMessage() for record in log.records if record.name == "freeseg.serve"]

    wait_until(lambda: len(lines()) == 6)  # a line is written after its answer
    assert [re.sub(r"\d+ ms", "1 ms", line) for line in lines()] == [
        "POST /v1/photos 201 1 ms",
        "POST /v1/segment 200 1 ms",
        "POST /v1/photos/{id}/segment 200 1 ms",
        "GET /v1/photos/{id}/similarity 200 1 ms",
        "GET other 404 1 ms",
        "POST /v1/segment 422 1 ms",
    ]
    assert SECRET not in log.text


def test_with_them_if_asked(small: FreeSeg, noise: bytes, log: pytest.LogCaptureFixture) -> None:
    with serving(small, Limits(stop_seconds=1), Access(port=0, log_words=True)) as server:
        ask_with_the_word(server, noise)
        server.get("/%0a%1b[2Jfake")
        wait_until(lambda: "fake 404" in log.text)
    assert f"similarity?label={SECRET} 200" in log.text
    assert "\x1b" not in log.text
    assert "/\\n\\x1b[2Jfake 404" in log.text


def test_numbers_for_prometheus(quick: Serving, noise: bytes) -> None:
    ask_with_the_word(quick, noise)
    answer = quick.get("/metrics")
    assert answer.media == "text/plain"
    text = answer.body.decode()
    for line in (
        r'freeseg_requests_total\{method="POST",route="/v1/photos/\{id\}/segment",status="200"\} \d',
        r'freeseg_request_seconds_bucket\{le="0.1",route="/v1/segment"\} \d',
        r"freeseg_jobs_running 0.0",
        r"freeseg_jobs_waiting 0.0",
        r"freeseg_kept_photos \d",
        r"freeseg_kept_bytes \d",
        r"freeseg_photos_total \d",
    ):
        assert re.search(f"^{line}", text, re.MULTILINE), line
    assert SECRET not in text


def test_files_are_counted_by_their_folder(quick: Serving) -> None:
    quick.get("/docs/start.js")
    quick.get("/page/none.js")
    text = quick.get("/metrics").body.decode()
    assert 'route="/docs/...",status="200"' in text
    assert 'route="/page/...",status="404"' in text


def test_names_that_a_client_makes_up_are_not_counted_one_by_one(quick: Serving) -> None:
    for number in range(5):
        quick.ask(f"X{number}", f"/made-up-{number}")
    text = quick.get("/metrics").body.decode()
    assert "made-up" not in text
    assert 'method="X1"' not in text


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"{SECRET} in /home/somebody/model"),
        WeightsError(f"/home/somebody/{SECRET} is damaged; fetch it again"),
        FreeSegError(f"/home/somebody/{SECRET}; mend it"),
        MemoryError(SECRET),
    ],
)
def test_a_fault_of_its_own(
    quick: Serving,
    noise: bytes,
    log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(asked: object) -> None:
        raise error

    monkeypatch.setattr(quick.server, "segment", fail)
    for path in ("/v1/segment", "/v1/batch"):
        answer = quick.post_form(path, [noise], labels="cat")
        assert answer.status == (500 if path == "/v1/segment" else 200)
        said = answer.problem() if answer.status == 500 else answer.json["problem"]
        assert "log" in said["fix"]
        assert SECRET.encode() not in answer.body
        assert b"somebody" not in answer.body
    assert type(error).__name__ in log.text  # its place is told where the server is run, its words nowhere
    assert "in fail" in log.text
    assert SECRET not in log.text
    monkeypatch.undo()
    assert quick.post_form("/v1/segment", [noise], labels="cat").status == 200
