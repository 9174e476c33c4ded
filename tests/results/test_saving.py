"""Results are written in order, each before it is told of."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import OutputError, PhotoError
from freeseg.photos.large_jpegs import LatePhoto
from freeseg.results.saving import WRITERS, NamedOutcome, save_in_background
from freeseg.results.segmentation import Segmentation


def result(value: int) -> Segmentation:
    mask = np.full((5, 7), value, np.uint8)
    return Segmentation(mask, np.ones((5, 7), np.float32), ("background", "cat", "dog"), Image.new("RGB", (7, 5)))


def test_what_comes_out_is_on_disk(tmp_path: Path) -> None:
    outcomes: list[NamedOutcome] = [("a", result(0)), ("b", PhotoError("bad")), ("c/d", result(1)), ("e", result(2))]
    for (stem, outcome), (told, found) in zip(outcomes, save_in_background(iter(outcomes), tmp_path), strict=True):
        assert (told, found) == (stem, outcome)
        assert (tmp_path / f"{stem}.json").is_file() == isinstance(outcome, Segmentation)
    with Image.open(tmp_path / "c" / "d.mask.png") as mask:
        assert set(mask.tobytes()) == {1}


def test_the_next_one_is_asked_for_while_one_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, save = threading.Event(), Segmentation.save

    def waits(self: Segmentation, *where: Any, **options: Any) -> list[Path]:
        assert asked.wait(20)
        return save(self, *where, **options)

    def outcomes() -> Iterator[NamedOutcome]:
        yield "a", result(0)
        asked.set()
        yield "b", result(1)

    monkeypatch.setattr(Segmentation, "save", waits)
    assert [stem for stem, _ in save_in_background(outcomes(), tmp_path)] == ["a", "b"]


def test_what_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "b.json").mkdir()
    found = dict(save_in_background(iter([("a", result(0)), ("b", result(1)), ("c", result(2))]), tmp_path))
    assert isinstance(found["b"], OutputError)
    assert "b.json" in str(found["b"])
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] == "b") == ["b.json"]
    assert (tmp_path / "a.json").is_file()
    assert (tmp_path / "c.json").is_file()


def test_a_photo_that_cannot_be_decoded_any_more_costs_no_other(tmp_path: Path) -> None:
    def decode() -> Image.Image:
        raise PhotoError("cannot read b.jpg: too large")

    damaged = replace(result(1), photo=LatePhoto((7, 5), decode), source="b.jpg")
    found = dict(save_in_background(iter([("a", result(0)), ("b", damaged), ("c", result(2))]), tmp_path))
    assert str(found["b"]) == "cannot read b.jpg: too large"
    assert {path.name[0] for path in tmp_path.iterdir()} == {"a", "c"}
    [written] = save_in_background(iter([("b", damaged)]), tmp_path, formats="mask")  # for which nobody looks at it
    assert written == ("b", damaged)


def test_no_more_results_are_held_than_are_written(tmp_path: Path) -> None:
    alive: list[weakref.ref[Segmentation]] = []

    def outcomes() -> Iterator[NamedOutcome]:
        for number in range(12):
            each = result(1)
            alive.append(weakref.ref(each))
            assert sum(other() is not None for other in alive) <= WRITERS + 1
            yield str(number), each
            del each

    for _stem, _outcome in save_in_background(outcomes(), tmp_path, formats="mask"):
        del _outcome


def test_nothing_to_write(tmp_path: Path) -> None:
    assert list(save_in_background(iter([]), tmp_path / "out")) == []
    assert not (tmp_path / "out").exists()
