"""What is kept of the windows of a large picture between the two passes."""

from __future__ import annotations

from io import BytesIO

import numpy as np

from freeseg.large.looking import Found, Seen, SeenWindows

SEEN = Seen(np.ones((2, 3, 4), np.float32), np.zeros((0, 3, 4), np.float32), np.full((3, 6, 8), 0.5, np.float32))


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_presence_is_that_of_the_window_where_it_is_highest() -> None:
    kept = SeenWindows(BytesIO(), 2)
    kept.keep((0, 0), SEEN, Found(scores(0.9, 0.1), [0]))
    kept.keep((0, 1), SEEN, Found(scores(0.2, 0.6), [1]))
    kept.keep((1, 0), SEEN, Found(scores(0.3, 0.2), []))
    found = kept.found()
    np.testing.assert_array_equal(found.scores, scores(0.9, 0.6))
    assert found.labels == [0, 1]


def test_of_a_picture_without_data_nothing_is_present() -> None:
    kept = SeenWindows(BytesIO(), 3)
    assert kept.found().scores.tolist() == [0, 0, 0]
    assert kept.found().labels == []
    assert kept.first() is None
    assert kept.read((0, 0)) is None


def test_what_was_seen_is_read_as_it_was_written() -> None:
    kept = SeenWindows(BytesIO(), 2)
    for factor, place in enumerate([(0, 0), (0, 1)], start=1):
        kept.keep(place, Seen(*(factor * each for each in SEEN)), Found(scores(0, 0), []))
    read = kept.read((0, 1))
    assert read is not None
    for found, written in zip(read, SEEN, strict=True):
        np.testing.assert_array_equal(found, 2 * written)
    assert kept.first() == (0, 0)
