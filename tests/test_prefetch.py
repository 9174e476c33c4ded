"""Photos one after another: what is begun before its turn, and what comes out."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from freeseg.errors import PhotoError
from freeseg.photos import Photo, prefetch_photos
from freeseg.pipeline import FreeSeg
from freeseg.prefetch import end_with_parent, prefetch
from freeseg.results.segmentation import Segmentation
from processes import Started, start_a_helper, wait_for_the_end_of
from tiny import same

LABELS = ["cat", "sofa|couch", "floor"]
NOISE = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)


def test_it_reads_one_photo_ahead_and_no_more(tiny: FreeSeg) -> None:
    asked: list[int] = []

    def photos() -> Iterator[np.ndarray]:
        for index in range(5):
            asked.append(index)
            yield NOISE[: 10 + index]

    stream = tiny.stream(photos(), LABELS)
    assert asked == []
    for consumed in range(1, 6):
        result = next(stream)
        assert isinstance(result, Segmentation)
        assert result.mask.shape == (9 + consumed, 70)
        assert len(asked) <= consumed + 1
    assert next(stream, None) is None


def test_an_endless_source_can_be_left(tiny: FreeSeg) -> None:
    def photos() -> Iterator[np.ndarray]:
        while True:
            yield NOISE

    stream = tiny.stream(photos(), LABELS)
    assert isinstance(next(stream), Segmentation)
    stream.close()  # type: ignore[attr-defined]
    assert next(stream, None) is None


@pytest.mark.parametrize("kind", ["array", "picture"])
def test_pixels_may_change_once_the_next_ones_are_asked_for(tiny: FreeSeg, kind: str) -> None:
    """A video's loop has one buffer for all frames, and an animation is one picture that is sought through."""
    frames = np.random.default_rng(3).integers(0, 256, (6, 40, 60, 3), dtype=np.uint8)

    def shown() -> Iterator[Photo]:
        buffer = np.zeros_like(frames[0])
        for frame in frames:
            buffer[:] = frame
            yield buffer if kind == "array" else Image.frombuffer("RGB", (60, 40), buffer, "raw", "RGB", 0, 1)

    for frame, result in zip(frames, tiny.stream(shown(), LABELS), strict=True):
        assert isinstance(result, Segmentation)
        assert np.array_equal(np.asarray(result.photo), frame)
        assert same(result, tiny.segment(frame, LABELS))


def test_what_is_no_photo_is_an_error_in_its_place(tiny: FreeSeg) -> None:
    first, second = tiny.stream([7, NOISE], LABELS)  # type: ignore[list-item]
    assert isinstance(first, PhotoError)
    assert isinstance(second, Segmentation)


def test_a_lone_path_is_one_photo(tiny: FreeSeg, tmp_path: Path) -> None:
    [outcome] = tiny.stream(str(tmp_path / "none.jpg"), LABELS)
    assert isinstance(outcome, PhotoError)
    assert "none.jpg" in str(outcome)


def test_errors_come_in_the_place_of_their_photos(tiny: FreeSeg, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    photos = [tmp_path / "bad.jpg", NOISE, tmp_path / "missing.jpg", NOISE]
    first, second, third, fourth = tiny.stream(photos, LABELS)
    assert isinstance(first, PhotoError)
    assert "bad.jpg" in str(first)
    assert isinstance(third, PhotoError)
    assert "missing.jpg" in str(third)
    assert isinstance(second, Segmentation)
    assert isinstance(fourth, Segmentation)
    assert same(second, fourth)


@pytest.mark.parametrize("kind", ["array", "picture"])
def test_pixels_are_those_that_were_given_however_late_they_are_read(kind: str) -> None:
    all_given, picture = threading.Event(), Image.new("L", (3, 2))
    buffer = np.zeros((2, 3), np.uint8)

    def shown() -> Iterator[Photo]:
        for value in (10, 20, 30):
            buffer[:] = value
            picture.paste(value, (0, 0, 3, 2))
            yield buffer if kind == "array" else picture

    def late(image: Photo) -> int:
        assert all_given.wait(20)
        return int(np.asarray(image).max())

    begun = []
    for future in prefetch_photos(late, shown(), count=3):
        all_given.set()  # the first comes out once all three are begun
        begun.append(future.result())
    assert begun == [10, 20, 30]


def test_an_error_comes_out_in_its_place() -> None:
    begun = prefetch(lambda number: 6 // number, [1, 0, 3], count=2)
    first, second, third = begun
    assert first.result() == 6
    assert isinstance(second.exception(), ZeroDivisionError)
    assert third.result() == 2


def test_closing_it_drops_what_has_not_begun() -> None:
    taken, worked = list[int](), list[int]()
    may_go_on = threading.Event()

    def work(number: int) -> None:
        assert may_go_on.wait(20) or number == 0
        worked.append(number)

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    begun = prefetch(work, endless(), count=3)
    next(begun)
    assert taken == [0, 1, 2, 3]
    may_go_on.set()
    begun.close()
    assert set(worked) <= set(taken)


@pytest.mark.slow
def test_a_process_ends_with_one_that_is_killed(tmp_path: Path) -> None:
    with Started(start_a_helper, tmp_path / "begun", session=True) as process:
        process.wait_until((tmp_path / "begun").exists)
        helpers = process.helpers()
        assert process.kill()
    assert helpers
    wait_for_the_end_of(helpers)


def test_a_process_without_a_parent_goes_on() -> None:
    before = threading.active_count()
    end_with_parent()
    assert threading.active_count() == before


def test_an_item_that_is_alone() -> None:
    """While it is worked on and until it has been taken, nothing else is begun, and nothing waits to be taken."""
    begun: list[int] = []
    taken: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 3:
            assert taken == [0, 1, 2]
        return item

    for future in prefetch(work, range(6), count=2, is_alone=lambda item: item == 3):
        taken.append(future.result())
        if taken[-1] == 3:
            assert sorted(begun) == [0, 1, 2, 3]
    assert taken == list(range(6))
