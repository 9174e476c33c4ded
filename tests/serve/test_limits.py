"""Each limit refuses what is beyond it, in words that name it, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from freeseg.errors import FreeSegError
from freeseg.pipeline import FreeSeg
from freeseg.serve.asking import read_labels
from freeseg.serve.problems import Problem
from freeseg.serve.settings import Limits
from freeseg.words import Vocabulary
from serving import Serving, form, png, read_answer, request_head, serving, wait_until

LIMITS = Limits(
    max_megabytes=0.1,
    max_request_megabytes=0.3,
    max_megapixels=0.01,
    max_labels=5,
    max_words=8,
    max_label_length=20,
    max_batch=3,
    stop_seconds=1,
)


@pytest.fixture(scope="module")
def strict(small: FreeSeg) -> Iterator[Serving]:
    """A server with little patience."""
    with serving(small, LIMITS) as running:
        yield running


class TestBytes:
    def test_more_than_a_photo_may_have(self, strict: Serving) -> None:
        photo = b"\x89PNG" + bytes(100_000)
        for answer in (
            strict.ask("POST", "/v1/photos", photo, {"Content-Type": "image/png"}),
            strict.post_form("/v1/segment", [photo], labels="cat"),
            strict.post_form("/v1/batch", [photo], labels="cat"),
        ):
            assert answer.status == 413
            assert "0.1 MB" in answer.problem()["detail"]

    def test_more_than_a_request_may_have(self, strict: Serving, noise: bytes) -> None:
        answer = strict.post_form("/v1/batch", [bytes(99_000)] * 3 + [bytes(9_000)], labels="cat")
        assert answer.status == 413
        answer.problem()

    def test_without_a_stated_length(self, strict: Serving) -> None:
        with strict.connect() as connection:
            lines = ("Content-Type: image/png", "Transfer-Encoding: chunked")
            connection.sendall(request_head("POST", "/v1/photos", *lines))
            chunk = b"8000\r\n" + bytes(0x8000) + b"\r\n"
            for _ in range(4):
                connection.sendall(chunk)
            assert read_answer(connection).startswith(b"HTTP/1.1 413 ")

    def test_a_length_that_is_beyond_it_is_refused_before_anything_comes(self, strict: Serving) -> None:
        head = request_head("POST", "/v1/photos", "Content-Type: image/png", "Content-Length: 99999999999")
        assert strict.raw_answer(head).startswith(b"HTTP/1.1 413 ")

    def test_a_question_is_short(self, strict: Serving, noise: bytes) -> None:
        id = strict.keep(noise)
        answer = strict.post_json(f"/v1/photos/{id}/segment", {"labels": ["a" * 1_000_001]})
        assert answer.status == 413
        answer.problem()

    def test_of_all_requests_at_once(self, small: FreeSeg, noise: bytes) -> None:
        with serving(small, Limits(max_upload_megabytes=0.1, stop_seconds=1)) as server:
            head = request_head("POST", "/v1/photos", "Content-Type: image/png", "Content-Length: 95000")
            with server.connect() as slow:
                slow.sendall(head + bytes(94_000))
                wait_until(lambda: server.server.uploads.bytes == 94_000)
                answer = server.ask("POST", "/v1/photos", bytes(20_000), {"Content-Type": "image/png"})
                assert answer.status == 503
                assert answer.headers["retry-after"] == "1"
                answer.problem()
                assert server.ask("POST", "/v1/photos", noise, {"Content-Type": "image/png"}).status == 201
            wait_until(lambda: server.server.uploads.bytes == 0)


class TestPixels:
    def test_counted_from_the_header(self, strict: Serving) -> None:
        picture = png(Image.new("RGB", (101, 100)))
        for answer in (
            strict.post_form("/v1/photos", [picture]),
            strict.post_form("/v1/segment", [picture], labels="cat"),
        ):
            assert answer.status == 413
            assert "101x100" in answer.problem()["detail"]
        [line] = strict.post_form("/v1/batch", [picture], labels="cat").body.splitlines()
        assert b"photo-too-large" in line
        assert strict.post_form("/v1/segment", [png(Image.new("RGB", (100, 100)))], labels="cat").status == 200


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "kind"),
        [
            (None, "labels"),
            ("", "labels"),
            ([], "labels"),
            (3, "labels"),
            (["cat", 3], "labels"),
            ({"cat": []}, "labels"),
            (["a", "b", "c", "d", "e", "f"], "too-many-labels"),
            ("a,b,c,d,e,f", "too-many-labels"),
            ("a|b|c, d|e|f, g|h|i", "too-many-labels"),
            ("cat, " + "a" * 21, "label-too-long"),
            ("cat|" + "a" * 21, "label-too-long"),
            ("a" * 100_000, "label-too-long"),
            ("voc20", "too-many-labels"),
        ],
    )
    def test_what_is_refused(self, labels: object, kind: str) -> None:
        with pytest.raises(Problem) as refused:
            read_labels(labels, LIMITS)
        assert (refused.value.status, refused.value.kind) == (422, kind)

    @pytest.mark.parametrize(
        "labels",
        ["cat, sofa|couch", "person, animal", "voc20", " voc21 ", "cat;dog\tfox", '["cat", "dog|puppy"]', ["a", "b|c"]],
    )
    def test_what_is_taken_is_read_as_everywhere(self, labels: object) -> None:
        assert read_labels(labels, Limits()) == Vocabulary.of(labels)

    @pytest.mark.parametrize("labels", ["cat, cat", "cat,,dog", "background", "cat. dog", "[[[["])
    def test_labels_that_make_no_sense(self, strict: Serving, noise: bytes, labels: str) -> None:
        answer = strict.post_form("/v1/segment", [noise], labels=labels)
        assert answer.status == 422
        assert answer.problem()["type"] == "urn:freeseg:problem:labels"

    def test_no_file_is_looked_at(self, quick: Serving, noise: bytes, tmp_path: Any) -> None:
        there, missing = tmp_path / "there", tmp_path / "missing"
        there.write_text("cat\n")
        answers = [quick.post_form("/v1/segment", [noise], labels=str(path)) for path in (there, missing)]
        assert [answer.status for answer in answers] == [200, 200]
        assert [label["label"] for label in answers[0].json["labels"]] == [str(there)]


class TestQueue:
    def test_a_full_one_asks_to_come_back(self, small: FreeSeg, noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(small, Limits(max_waiting=1, stop_seconds=5)) as server:
            go, segment = threading.Event(), server.server.segment
            monkeypatch.setattr(server.server, "segment", lambda asked: go.wait(10) and segment(asked))
            statuses: list[int] = []

            def ask() -> None:
                statuses.append(server.post_form("/v1/segment", [noise], labels="cat").status)

            threads = [threading.Thread(target=ask) for _ in range(2)]
            threads[0].start()
            wait_until(lambda: server.server.work.running == 1)
            threads[1].start()
            wait_until(lambda: server.server.work.waiting == 1)
            for path in ("/v1/segment", "/v1/batch"):
                answer = server.post_form(path, [noise], labels="cat")
                assert answer.status == 503
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.problem()["type"] == "urn:freeseg:problem:busy"
            assert server.get("/health").status == 200
            go.set()
            for thread in threads:
                thread.join()
            assert statuses == [200, 200]
            assert server.post_form("/v1/segment", [noise], labels="cat").status == 200

    def test_connections(self, small: FreeSeg) -> None:
        with serving(small, Limits(max_connections=2, stop_seconds=1)) as server:
            with server.connect(), server.connect():
                wait_until(lambda: len(server.uvicorn.server_state.connections) == 2)
                refused = server.raw(b"")
                assert refused.startswith(b"HTTP/1.1 503 ")
                assert b"Retry-After: 1" in refused
                assert b"application/problem+json" in refused
            wait_until(lambda: not server.uvicorn.server_state.connections)
            assert server.get("/health").status == 200


class TestForms:
    def test_what_is_no_photo(self, quick: Serving, noise: bytes) -> None:
        for kind, status in (("text/plain", 415), ("", 415), ("application/json", 415), ("multipart/form-data", 400)):
            answer = quick.ask("POST", "/v1/photos", noise, {"Content-Type": kind} if kind else {})
            assert answer.status == status
            answer.problem()

    def test_a_form_that_is_not_as_expected(self, quick: Serving, noise: bytes) -> None:
        body, _ = form([noise], labels="cat")
        for sent, status in (
            (body[: len(body) // 2], 400),
            (body.replace(b'name="photo"', b'name="picture"'), 422),
            (body.replace(b'; filename="photo.png"', b""), 422),
            (body.replace(b"Content-Disposition", b"X-Disposition"), 400),
            (form([noise, noise], labels="cat")[0].replace(form()[0], b""), 422),
        ):
            boundary = sent.split(b"\r\n", 1)[0][2:].decode()
            answer = quick.ask(
                "POST", "/v1/segment", sent, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
            )
            assert answer.status == status, sent[:200]
            answer.problem()

    def test_too_many_fields(self, quick: Serving, noise: bytes) -> None:
        answer = quick.post_form("/v1/segment", [noise], labels="cat", **{f"field{n}": "" for n in range(50)})
        assert answer.status == 413
        answer.problem()

    @pytest.mark.parametrize(
        "question",
        [
            [],
            "cat",
            3,
            None,
            {},
            {"labels": 3},
            {"labels": ["cat"], "words": 1},
            {"labels": [["cat"]]},
            {"labels": "cat", "background": 0},
        ],
    )
    def test_a_question_that_is_not_as_expected(self, quick: Serving, noise: bytes, question: object) -> None:
        answer = quick.post_json(f"/v1/photos/{quick.keep(noise)}/segment", question)
        assert answer.status == 422
        answer.problem()

    def test_a_question_that_is_no_json(self, quick: Serving, noise: bytes) -> None:
        path = f"/v1/photos/{quick.keep(noise)}/segment"
        for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"labels": NaN}', b'{"labels": "\\ud800"}'):
            answer = quick.ask("POST", path, body, {"Content-Type": "application/json"})
            assert answer.status in (400, 422)
            answer.problem()
        assert quick.ask("POST", path, b"{}", {"Content-Type": "text/csv"}).status == 415

    def test_a_heat_map_without_a_label(self, quick: Serving, noise: bytes) -> None:
        path = f"/v1/photos/{quick.keep(noise)}/similarity"
        for query in ("", "?label=", "?label=cat&plain=perhaps", "?label=%7C"):
            answer = quick.get(path + query)
            assert answer.status == 422
            answer.problem()


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("max_megabytes", 0), ("max_labels", 0), ("keep_minutes", float("nan")), ("max_waiting", -1)],
    )
    def test_numbers_that_make_no_sense(self, name: str, value: float) -> None:
        with pytest.raises(FreeSegError, match=name):
            Limits(**{name: value})
