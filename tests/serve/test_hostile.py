"""Clients that mean no good: nothing hangs, nothing is told that should not be, and the others are served meanwhile."""

from __future__ import annotations

import gzip
import io
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from starlette.responses import Response

from freeseg.files import bytes_sha256
from freeseg.pipeline import FreeSeg
from freeseg.serve import protocol
from freeseg.serve.settings import Limits
from serving import Serving, form, png, read_answer, read_to_end, request_head, serving, wait_until

SECONDS = 0.3  # in which a request of the impatient server must be there


@pytest.fixture
def impatient(small: FreeSeg, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """A server that waits for nobody."""
    monkeypatch.setattr(protocol, "HEADER_SECONDS", SECONDS)
    with serving(small, Limits(upload_seconds=SECONDS, stop_seconds=1)) as running:
        yield running


def still_serves(server: Serving, photo: bytes) -> None:
    """Nothing is left of what came before, and others are answered."""
    wait_until(lambda: server.server.uploads.bytes == 0 and not server.server.work.running)
    assert server.post_form("/v1/segment", [photo], labels="cat").status == 200


class TestTime:
    def test_a_body_that_does_not_come(self, impatient: Serving, noise: bytes) -> None:
        head = request_head("POST", "/v1/photos", "Content-Type: image/png", "Content-Length: 1000")
        got = impatient.raw(head + b"-" * 10)
        assert got.startswith(b"HTTP/1.1 408 ")
        assert b"urn:freeseg:problem:too-slow" in got
        still_serves(impatient, noise)

    def test_a_head_that_does_not_come(self, impatient: Serving, noise: bytes) -> None:
        assert impatient.raw(b"") == b""
        assert impatient.raw(b"POST /v1/photos HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") == b""
        still_serves(impatient, noise)

    def test_a_second_head_that_does_not_come(self, impatient: Serving) -> None:
        with impatient.connect() as connection:
            connection.sendall(request_head("GET", "/health") + b"GET /hea")
            assert read_to_end(connection).count(b"HTTP/1.1 200 OK") == 1

    def test_an_answer_that_is_not_taken(
        self, impatient: Serving, noise: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def answer(*_: object) -> Response:
            return Response(bytes(50_000_000))

        body, kind = form([noise], labels="cat")
        with impatient.connect() as connection, monkeypatch.context() as patch:
            patch.setattr(impatient.server, "answer", answer)
            lines = (f"Content-Type: {kind}", f"Content-Length: {len(body)}")
            connection.sendall(request_head("POST", "/v1/segment", *lines) + body)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
            wait_until(lambda: not impatient.uvicorn.server_state.connections)
        still_serves(impatient, noise)


class TestLengths:
    def test_a_body_that_comes_in_many_pieces_is_whole(self, quick: Serving) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (900, 1200, 3), dtype=np.uint8)
        photo = png(Image.fromarray(noise))
        assert len(photo) > 3_000_000
        body, kind = form([photo], labels="cat")
        for path, sent, media in (("/v1/photos", photo, "image/png"), ("/v1/segment", body, kind)):
            with quick.connect() as connection:
                lines = (f"Content-Type: {media}", f"Content-Length: {len(sent)}")
                connection.sendall(request_head("POST", path, *lines))
                for start in range(0, len(sent), 50_000):
                    connection.sendall(sent[start : start + 50_000])
                    time.sleep(0.0005)
                answer = read_answer(connection)
            assert answer.startswith((b"HTTP/1.1 201 ", b"HTTP/1.1 200 ")), answer[:300]
            assert bytes_sha256(photo).encode() in answer

    def test_more_than_it_states(self, quick: Serving, noise: bytes) -> None:
        lines = ("Content-Type: image/png", f"Content-Length: {len(noise) - 50}")
        got = quick.raw(request_head("POST", "/v1/photos", *lines) + noise + b"\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 422 ")  # the photo is cut ...
        assert got.count(b"HTTP/1.1 400 ") == 1  # ... and what comes after it is no request

    def test_less_than_it_states(self, quick: Serving, noise: bytes) -> None:
        lines = ("Content-Type: image/png", f"Content-Length: {len(noise) + 50}")
        with quick.connect() as connection:
            connection.sendall(request_head("POST", "/v1/photos", *lines) + noise)
        still_serves(quick, noise)

    @pytest.mark.parametrize("length", ["-1", "abc", "1e3", "1, 2", "9" * 5000])
    def test_what_is_no_length(self, quick: Serving, length: str) -> None:
        got = quick.raw(request_head("POST", "/v1/photos", f"Content-Length: {length}", "Content-Type: image/png"))
        assert got[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")
        assert b"application/problem+json" in got

    @pytest.mark.parametrize(
        "sent",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # TLS
            b"GET / HTTP/one\r\n\r\n",
            b"SSH-2.0-OpenSSH_9\r\n\r\n",
            b"GET /%zz HTTP/1.1\r\nHost: localhost\r\nBad Header: 1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
            request_head("POST", "/v1/photos", "Transfer-Encoding: chunked", "Content-Type: image/png") + b"zz\r\n",
        ],
    )
    def test_what_is_no_http(self, quick: Serving, sent: bytes, noise: bytes) -> None:
        got = quick.raw(sent)
        assert got.startswith(b"HTTP/1.1 4") or got == b""
        assert not got or b"application/problem+json" in got
        still_serves(quick, noise)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, content: bytes) -> bytes:
    """A PNG whose header says one thing and whose pixels may be another."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


class TestBombs:
    @pytest.mark.parametrize(("width", "height"), [(40_000, 40_000), (2**31 - 1, 2**31 - 1), (0, 5), (7_072, 7_072)])
    def test_a_header_of_many_pixels(self, quick: Serving, width: int, height: int) -> None:
        answer = quick.post_form("/v1/photos", [png_of(width, height, zlib.compress(bytes(1000)))])
        assert answer.status in (413, 422)
        answer.problem()

    def test_more_pixels_than_its_header_says(self, quick: Serving, noise: bytes) -> None:
        bomb = png_of(8, 8, zlib.compress(bytes(50_000_000), 9))
        assert len(bomb) < 100_000
        answer = quick.post_form("/v1/segment", [bomb], labels="cat")
        assert answer.status in (200, 422)
        still_serves(quick, noise)

    def test_a_text_that_unpacks_to_much(self, quick: Serving, noise: bytes) -> None:
        text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(30_000_000), 9))
        place = noise.index(b"IDAT") - 4
        answer = quick.post_form("/v1/segment", [noise[:place] + text + noise[place:]], labels="cat")
        assert answer.status in (200, 422)
        still_serves(quick, noise)

    def test_packed_bodies_are_not_unpacked(self, quick: Serving, noise: bytes) -> None:
        headers = {"Content-Type": "image/png", "Content-Encoding": "gzip"}
        answer = quick.ask("POST", "/v1/photos", gzip.compress(noise), headers)
        assert answer.status == 415
        answer.problem()

    @pytest.mark.parametrize("format", ["GIF", "TIFF", "WEBP", "BMP", "JPEG"])
    def test_photos_that_are_cut(self, quick: Serving, format: str) -> None:
        buffer = io.BytesIO()
        Image.effect_noise((64, 48), 90).convert("RGB").save(buffer, format)
        for share in (0.02, 0.3, 0.9):
            cut = buffer.getvalue()[: int(share * len(buffer.getvalue()))]
            answer = quick.post_form("/v1/segment", [cut], labels="cat")
            assert answer.status in (200, 422)
            if answer.status == 422:
                assert "the photo" in answer.problem()["detail"]

    def test_what_is_no_photo_of_those_read(self, quick: Serving) -> None:
        for content in (b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"PK"):
            answer = quick.post_form("/v1/segment", [content], labels="cat")
            assert answer.status == 422
            answer.problem()


class TestTricks:
    @pytest.mark.parametrize(
        "name", ["../../../etc/passwd", "/etc/passwd", "a\0b.png", "C:\\x.png", "x" * 10_000, "<script>.png", "\udcff"]
    )
    def test_a_name_is_text(self, quick: Serving, noise: bytes, name: str) -> None:
        answer = quick.post_form("/v1/batch", [(name, noise)], labels="cat")
        if answer.status == 400:  # newer versions of python-multipart take no header of that length
            assert len(name) > 255
            answer.problem()
            return
        assert answer.status == 200
        assert len(answer.json["file"]) <= 255
        assert answer.media == "application/x-ndjson"

    @pytest.mark.parametrize(
        "path",
        [
            "/page/../settings.py",
            "/page/%2e%2e/settings.py",
            "/page/..%2fsettings.py",
            "/page/..\\settings.py",
            "/page//etc/passwd",
            "/docs/../app.py",
            "/docs/swagger/%2e%2e/core.py",
            "/docs/%00",
            "//etc/passwd",
            "/.git/config",
            "/v1/../metrics/..",
        ],
    )
    def test_an_address_leads_to_no_other_file(self, quick: Serving, path: str) -> None:
        got = quick.raw(request_head("GET", path, "Connection: close"))
        assert got.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 307 "))
        assert b"import" not in got

    def test_ten_thousand_labels(self, quick: Serving, noise: bytes) -> None:
        words = [f"thing {number}" for number in range(10_000)]
        for answer in (
            quick.post_form("/v1/segment", [noise], labels=",".join(words)),
            quick.post_json(f"/v1/photos/{quick.keep(noise)}/segment", {"labels": words}),
            quick.post_form("/v1/batch", [noise], labels=",".join(words)),
        ):
            assert answer.status == 422
            answer.problem()

    def test_words_are_not_obeyed(self, quick: Serving, noise: bytes) -> None:
        said = quick.post_form("/v1/segment", [noise], labels="<img src=x onerror=alert(1)>, $(reboot), {0}, %s").json
        assert said["labels"][0]["label"] == "<img src=x onerror=alert(1)>"

    def test_unknown_methods_and_addresses(self, quick: Serving) -> None:
        for method, path, status in (
            ("PUT", "/v1/segment", 405),
            ("GET", "/v1/segment", 405),
            ("TRACE", "/v1/segment", 405),
            ("GET", "/v1/nothing", 404),
            ("POST", "/nothing", 404),
        ):
            answer = quick.ask(method, path)
            assert answer.status == status
            answer.problem()
        assert quick.ask("PUT", "/v1/photos/x").headers["allow"] == "DELETE, GET"
