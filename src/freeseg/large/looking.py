"""The first pass: a model looks at each window once, and what it saw waits on the disk for the second one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import Maps
from freeseg.decision.masks import photo_edges
from freeseg.decision.presence import presence, present, probabilities
from freeseg.large.layout import Axis
from freeseg.large.picture import LargePicture, Pixels
from freeseg.pipeline import FreeSeg
from freeseg.prefetch import prefetch
from freeseg.words.embedded import EmbeddedVocabulary


class Seen(NamedTuple):
    """What a model saw of a window.

    Attributes:
        labels: (N, h, w) cosines of the labels.
        background: (1, h, w) cosines of the best background word, or none of them (0, h, w).
        edges: (3, h', w') the window, as `decision.masks.photo_edges` gives it.
    """

    labels: Maps
    background: Maps
    edges: Maps


class Found(NamedTuple):
    """Which labels are in a window, or in the picture.

    Attributes:
        scores: (N,) presence of each label.
        labels: The labels that the presence rule lets appear, as numbers.
    """

    scores: NDArray[np.float32]
    labels: Sequence[int]


class SeenWindows:
    """What a model saw of the windows of a picture, on the disk.

    Args:
        file: Where it is written, and read again.
        labels: How many labels there are.
    """

    def __init__(self, file: BinaryIO, labels: int):
        self._file = file
        self._places: dict[tuple[int, int], int] = {}
        self._shapes: tuple[tuple[int, ...], ...] = ()
        self._present: set[int] = set()  # the labels that are in a window, as numbers
        self._scores = np.zeros(labels, np.float32)

    def keep(self, place: tuple[int, int], seen: Seen, found: Found) -> None:
        """Write what was seen of the window at (row, column) of the windows; all have the same size."""
        self._present.update(found.labels)
        np.maximum(self._scores, found.scores, out=self._scores)
        self._places[place] = self._file.tell()
        self._shapes = tuple(each.shape for each in seen)
        for each in seen:
            self._file.write(np.ascontiguousarray(each, np.float32).data)

    def read(self, place: tuple[int, int]) -> Seen | None:
        """Read what was seen of a window; None for a window without a picture."""
        if place not in self._places:
            return None
        self._file.seek(self._places[place])
        return Seen(*map(self._array, self._shapes))

    def first(self) -> tuple[int, int] | None:
        """The first window with a picture; None where there is none."""
        return next(iter(self._places), None)

    def found(self) -> Found:
        """What is in the picture: what is in any window, each label as present as where it is most present."""
        return Found(self._scores, sorted(self._present))

    def _array(self, shape: tuple[int, ...]) -> Maps:
        content = self._file.read(4 * int(np.prod(shape)))
        return np.frombuffer(content, np.float32).reshape(shape)


def look_at_windows(
    model: FreeSeg,
    picture: LargePicture,
    rows: Axis,
    columns: Axis,
    words: EmbeddedVocabulary,
    kept: SeenWindows,
    *,
    background: bool,
) -> Iterator[int]:
    """Look at each window as at a photo, keep what was seen, and note which labels are there.

    Args:
        model: What looks.
        picture: What it looks at.
        rows: The windows from top to bottom.
        columns: The windows from left to right.
        words: The labels and background words.
        kept: Gets what was seen.
        background: Whether a pixel may be none of the labels.

    Yields:
        How many windows are done.
    """
    rule = model.config.decision

    def look(window: tuple[tuple[int, int], Pixels]) -> tuple[tuple[int, int], tuple[Seen, Found] | None]:
        place, pixels = window
        if not pixels.is_known.any():
            return place, None
        prepared = model.prepare(pixels.values)
        maps = model.maps(prepared, words)
        others = maps.background.max(axis=0, keepdims=True) if background and len(maps.background) else None
        seen = Seen(maps.labels, maps.labels[:0] if others is None else others, photo_edges(prepared.pixels))
        scores = presence(probabilities(seen.labels, seen.background, rule.logit_scale), rule.presence_share)
        return place, (seen, Found(scores, present(seen.labels, others, scores, rule).tolist()))

    windows = _windows(picture, rows, columns)
    with closing(prefetch(look, windows, count=model.engine.max_concurrent)) as upcoming:
        for count, future in enumerate(upcoming, start=1):
            place, looked = future.result()
            if looked is not None:
                kept.keep(place, *looked)
            yield count


def _windows(picture: LargePicture, rows: Axis, columns: Axis) -> Iterator[tuple[tuple[int, int], Pixels]]:
    """The windows, row by row; they are read in one thread, since one dataset is not for several."""
    for row, top in enumerate(rows.starts):
        for column, left in enumerate(columns.starts):
            yield (row, column), picture.read(top, left, rows.window, columns.window)
