"""Kept photos: looked at once, and bounded by count, bytes and age."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from freeseg.files import bytes_sha256
from freeseg.photos import SeenPhoto
from freeseg.pipeline import FreeSeg
from freeseg.serve.kept import KeptPhotos
from freeseg.serve.problems import Problem
from freeseg.serve.settings import Limits
from serving import Serving, png, serving


def seen(nbytes: int) -> SeenPhoto:
    """A photo that takes so many bytes."""
    pixels, patches = np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1, 1), np.float32)
    return SeenPhoto((1, 1), pixels, patches, "", kept=b"-" * (nbytes - 7))


class Clock:
    """Time that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestBounds:
    def kept(self, **bounds: float) -> tuple[KeptPhotos, Clock]:
        clock = Clock()
        limits = {"count": 3, "nbytes": 1000, "seconds": 60, **bounds}
        return KeptPhotos(
            count=int(limits["count"]), nbytes=int(limits["nbytes"]), seconds=limits["seconds"], clock=clock
        ), clock

    def test_the_one_that_was_asked_for_longest_ago_goes(self) -> None:
        photos, _ = self.kept()
        for id in "abc":
            photos.keep(id, seen(10))
        assert photos.find("a")
        photos.keep("d", seen(10))
        assert [id for id in "abcd" if photos.find(id)] == ["a", "c", "d"]
        assert (len(photos), photos.bytes) == (3, 30)

    def test_no_more_bytes_than_there_may_be(self) -> None:
        photos, _ = self.kept()
        for id in "abc":
            photos.keep(id, seen(400))
        assert (len(photos), photos.bytes) == (2, 800)
        with pytest.raises(Problem, match="more memory"):
            photos.keep("d", seen(1001))
        assert (len(photos), photos.bytes) == (2, 800)

    def test_the_same_photo_counts_once(self) -> None:
        photos, _ = self.kept()
        photos.keep("a", seen(10))
        photos.keep("a", seen(20))
        assert (len(photos), photos.bytes) == (1, 20)

    def test_a_question_keeps_it_longer(self) -> None:
        photos, clock = self.kept()
        photos.keep("a", seen(10))
        photos.keep("b", seen(10))
        clock.now = 40
        assert photos.find("a")
        clock.now = 70
        photos.forget_old()
        assert (len(photos), photos.bytes) == (1, 10)
        found = photos.find("a")
        assert found
        assert photos.seconds_left(found) == 60
        clock.now = 131
        assert photos.find("a") is None
        assert photos.bytes == 0

    def test_none_at_all(self) -> None:
        photos, _ = self.kept(count=0)
        with pytest.raises(Problem):
            photos.keep("a", seen(10))


class TestAddresses:
    def test_a_photo_comes_and_goes(self, quick: Serving, noise: bytes) -> None:
        answer = quick.post_form("/v1/photos", [noise])
        assert answer.status == 201
        described = answer.json
        assert (described["id"], described["width"], described["height"]) == (bytes_sha256(noise), 44, 30)
        assert 1790 < described["expires_in"] <= 1800
        path = f"/v1/photos/{described['id']}"
        assert quick.get(path).json["id"] == described["id"]
        assert quick.ask("DELETE", path).status == 204
        for answer in (quick.get(path), quick.ask("DELETE", path), quick.post_json(f"{path}/segment", {"labels": "a"})):
            assert answer.status == 404
            assert "send the photo again" in answer.problem()["fix"]

    @pytest.mark.parametrize(
        "id", ["a", "A" * 64, "0" * 63, "..%2f..%2fetc%2fpasswd", "%00", "0" * 64 + "%0a", "%2e%2e", "0" * 5000]
    )
    def test_what_is_no_id(self, quick: Serving, id: str) -> None:
        for path in (f"/v1/photos/{id}", f"/v1/photos/{id}/similarity?label=cat"):
            answer = quick.get(path)
            assert answer.status == 404
            answer.problem()

    def test_the_model_looks_once(self, small: FreeSeg, noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        looks: list[int] = []
        with serving(small) as server:
            look = small.engine.patches
            monkeypatch.setattr(small.engine, "patches", lambda pixels: looks.append(1) or look(pixels))
            id = server.keep(noise)
            assert server.keep(noise) == id
            for words in ("cat", "dog, cat", "sky"):
                assert server.post_json(f"/v1/photos/{id}/segment", {"labels": words}).status == 200
        assert len(looks) == 1

    def test_no_more_than_there_may_be(self, small: FreeSeg) -> None:
        photos = [png(Image.new("RGB", (40, 30), (shade, 0, 0))) for shade in range(4)]
        with serving(small, Limits(keep_photos=2, stop_seconds=1)) as server:
            ids = [server.keep(photo) for photo in photos]
            assert [server.get(f"/v1/photos/{id}").status for id in ids] == [404, 404, 200, 200]
        with serving(small, Limits(keep_photos=0, stop_seconds=1)) as server:
            refused = server.post_form("/v1/photos", photos[:1])
            assert refused.status == 413
            refused.problem()
            assert server.post_form("/v1/segment", photos[:1], labels="cat").status == 200
