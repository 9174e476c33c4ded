"""URLs in Python: a text is fetched where a model segments it, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import freeseg
from freeseg.errors import PhotoError
from freeseg.photos import WebPhoto, read_photo, web_connection
from freeseg.pipeline import FreeSeg
from web_server import WebServer, web_server

SOURCE = Path(freeseg.__file__).parent
# What a user names, and nobody else. A `PhotoReference` may name an address; free masks keep where their photos were.
MAY_FETCH = {"photos", "pipeline.py", "data", "labelling", "training", "cli", "distributed"}


@pytest.fixture
def server() -> Iterator[WebServer]:
    file = io.BytesIO()
    Image.effect_noise((44, 30), 50).save(file, "PNG")
    with web_server() as running:
        running.send("/cat.png", file.getvalue())
        yield running


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine is of the public internet."""
    monkeypatch.setattr(web_connection, "is_public", lambda address: address == "127.0.0.1")


def test_all_that_takes_a_photo(tiny: FreeSeg, server: WebServer, public: None) -> None:
    url = server.url("/cat.png")
    one, many = tiny.segment(url, "cat, dog"), tiny.segment([url, WebPhoto(url)], "cat, dog")
    assert (one.name, one.source, one.photo.size) == ("cat.png", url, (44, 30))
    assert [*tiny.stream(iter([url]), "cat, dog"), *many] == [one] * 3
    assert tiny.segment(tiny.look(url), "cat, dog").source == url
    assert tiny.similarity(url, "cat, dog").shape == (2, 30, 44)
    assert tiny.segment_known(url, "cat, dog", ["cat"]).source == url
    assert len(server.asked) == 7


def test_a_lone_url_is_a_stream(tiny: FreeSeg, server: WebServer, public: None) -> None:
    (result,) = tiny.stream(server.url("/cat.png"), "cat, dog")
    assert not isinstance(result, PhotoError)


def test_a_bad_url_in_a_stream(tiny: FreeSeg, server: WebServer, public: None) -> None:
    photos = [server.url("/gone.png"), np.zeros((30, 44, 3), np.uint8), server.url("/cat.png")]
    outcomes = list(tiny.stream(photos, "cat, dog"))
    assert [isinstance(outcome, PhotoError) for outcome in outcomes] == [True, False, False]
    assert "answers 404" in str(outcomes[0])


def test_private_addresses(tiny: FreeSeg, server: WebServer) -> None:
    url = server.url("/cat.png")
    with pytest.raises(PhotoError, match=r"127\.0\.0\.1 is no public address"):
        tiny.segment(url, "cat")
    assert server.asked == []
    assert tiny.segment(WebPhoto(url, allow_private=True), "cat").source == url


def test_results_are_saved(tiny: FreeSeg, server: WebServer, public: None, tmp_path: Path) -> None:
    result = tiny.segment(server.url("/cat.png"), "cat")
    for _ in range(2):
        result.save(tmp_path, formats="json")
    assert [path.name for path in tmp_path.iterdir()] == ["cat.json"]


def test_what_is_no_text_is_not_fetched(tiny: FreeSeg, server: WebServer, public: None) -> None:
    url = server.url("/cat.png")
    for read in (lambda: tiny.segment(Path(url), "cat"), lambda: read_photo(url), lambda: read_photo(Path(url))):
        with pytest.raises(PhotoError) as caught:
            read()
        assert str(caught.value).startswith(f"cannot read {url}: no such file or directory; ")
    assert server.asked == []


def test_no_other_room_fetches_photos() -> None:
    """The server above all: what is sent to it names no address that it asks."""
    named = {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        if any(
            word in path.read_text(encoding="utf-8")
            for word in ("WebPhoto", "web_photo", "photos.web", "allow_private", "PhotoReference")
        )
    }
    assert named == MAY_FETCH
