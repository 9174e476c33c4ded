"""Similarity maps -> free mask: which labels are present, where they are, and how sure that is.

The one place where a mask is decided, whichever engine made the maps. Pure functions on arrays. Everything is decided
on raw cosines times a logit scale, never on min-max maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import Maps, Sources, area_average, softmax, upsample, widen
from freeseg.decision.presence import presence, presence_prior, present, probabilities
from freeseg.decision.refinement import pamr
from freeseg.decision.rule import Decision
from freeseg.mask_values import UNSURE

Indices: TypeAlias = NDArray[np.int8 | np.int16 | np.int32]
STRIP_FLOATS = 500_000  # floats of label scores held at photo size at once: few enough for a processor's cache
ROUNDING = 1e-6  # share of the largest value that two interpolated values may be off
EDGE_STRIDE = 8  # the photo's edges are looked at once every so many pixels: a longer reach for less work


class FreeMask(NamedTuple):
    """The decision for one photo.

    Attributes:
        labels: (H, W) in the smallest of int8, int16 and int32 that holds them; 0 is the background where there is one,
            then the labels in order; -1 = don't know.
        confidence: (H, W) float32 in [0, 1], the probability of the winner.
        presence: (N,) float32 in [0, 1], per label, background not among them.
        candidates: (C,) int64, the labels that competed for the pixels, as indices into `presence`.
    """

    labels: Indices
    confidence: NDArray[np.float32]
    presence: NDArray[np.float32]
    candidates: NDArray[np.int64]


def free_mask(
    labels: Maps,
    background: Maps | None,
    photo: Maps,
    size: tuple[int, int],
    decision: Decision,
    *,
    known: NDArray[np.int64] | None = None,
    prior: NDArray[np.float32] | None = None,
    is_background_word: NDArray[np.bool_] | None = None,
) -> FreeMask:
    """The mask of one photo.

    Args:
        labels: (N, h, w) cosines of the labels, on the patch grid.
        background: (K, h, w) cosines of background words, K >= 1; None for no background.
        photo: (3, h', w') in [0, 1], the photo whose edges refinement follows; see `photo_edges`.
        size: (height, width) of the mask.
        decision: The rule.
        known: (C,) different indices of the labels that are known to be in the photo, from its captions for example:
            these compete, and no others. Empty or None: presence decides which ones may appear, and counts at each
            patch.
        prior: (C,) what is added to the logits of the labels that are known; None: they compete on a par.
        is_background_word: (N,) the labels that are background words themselves; None: none of them.

    Example:
        >>> cosines = np.array([[[0.9, 0.1]], [[0.1, 0.9]]], np.float32)
        >>> free_mask(cosines, None, np.zeros((3, 2, 4), np.float32), (4, 8), Decision()).labels[0].tolist()
        [0, 0, 0, 0, 1, 1, 1, 1]
    """
    words = labels[:0] if background is None else background
    scores = presence(probabilities(labels, words, decision.logit_scale), decision.presence_share)
    if known is not None and len(known):
        chosen = known
    else:
        chosen = present(labels, background, scores, decision)
        prior = presence_prior(scores[chosen], decision.presence_weight)
    sure, indices = refined_probabilities(
        labels, background, photo, decision, chosen, prior=prior, is_background_word=is_background_word
    )
    winners, confidence = most_probable(sure, indices, size)
    if decision.ignore_below > 0:
        winners[confidence < decision.ignore_below] = UNSURE
    return FreeMask(winners, confidence, scores, chosen)


def refined_probabilities(
    labels: Maps,
    background: Maps | None,
    photo: Maps,
    decision: Decision,
    chosen: NDArray[np.int64],
    *,
    prior: NDArray[np.float32] | None = None,
    is_background_word: NDArray[np.bool_] | None = None,
) -> tuple[Maps, Indices]:
    """How probable each label that may appear is, along the edges of the photo.

    Args:
        labels: As `free_mask` takes them, and so the other arguments that it has.
        background: The same.
        photo: The same.
        decision: The same.
        chosen: (C,) indices of the labels that may appear.
        prior: (C,) what is added to their logits, see `presence.presence_prior`; None: nothing.
        is_background_word: The same.

    Returns:
        Probabilities (C, h, w), the background's first where there is one, and what each stands for, as `FreeMask`
        has it. They are on the photo's grid where they were refined, and on that of the patches where not.

    Example:
        >>> even = np.zeros((1, 2, 2), np.float32)
        >>> rule = Decision(background_margin=0, refine_steps=0)
        >>> sure, means = refined_probabilities(even, even, even, rule, np.array([0]))
        >>> sure[:, 0, 0].tolist(), means.tolist()
        ([0.5, 0.5], [0, 1])
    """
    candidates, indices = labels[chosen], chosen
    if background is not None:
        margin = np.float32(decision.background_margin)
        if is_background_word is not None:  # they are on a par with the words that they were among
            candidates = candidates + margin * is_background_word[chosen, None, None].astype(np.float32)
        best = background.max(axis=0, keepdims=True) + margin
        candidates = np.concatenate([best, candidates])
        indices = np.concatenate([[0], chosen + 1])
    logits = np.float32(decision.logit_scale) * candidates
    if prior is not None:
        logits[int(background is not None) :] += prior[:, None, None]
    sure = softmax(logits)
    if decision.refine_steps and len(sure) > 1:
        sure = pamr(upsample(sure, photo.shape[1:]), photo, decision.refine_steps)
    return sure, indices.astype(np.min_scalar_type(-2 - len(labels)))


def photo_edges(pixels: NDArray[np.uint8]) -> Maps:
    """A photo as the model saw it, (H, W, 3), made `EDGE_STRIDE` times smaller for refinement: (3, h', w') in [0, 1].

    Example:
        >>> photo_edges(np.full((352, 470, 3), 255, np.uint8)).shape
        (3, 44, 58)
    """
    height, width = (max(1, side // EDGE_STRIDE) for side in pixels.shape[:2])
    return area_average(pixels, (height, width))


def most_probable(
    maps: Maps, labels: Indices, size: tuple[int, int], *, rows: Sources | None = None
) -> tuple[Indices, NDArray[np.float32]]:
    """Label and value of the largest map at each pixel of `size`, without holding all maps at that size.

    Bilinear: the same numbers as resizing all maps at once, in bounded memory. Most places between four patches have
    one map that is the largest at all four; the others are compared only where there is none.

    Args:
        maps: (C, h, w), at least one.
        labels: (C,) what each map stands for; of equal maps the first wins.
        size: (height, width).
        rows: Between which rows of the maps each row of the result lies, where the maps are a part of larger ones.

    Returns:
        Labels (height, width), of the dtype of `labels`, and values (height, width) float32.

    Example:
        >>> maps, labels = np.array([[[0.5]], [[0.25]]], np.float32), np.array([7, 9], np.int32)
        >>> winners, values = most_probable(maps, labels, (1, 2))
        >>> winners.tolist(), values.tolist()
        ([[7, 7]], [[0.5, 0.5]])
    """
    source = rows or Sources.of(maps.shape[1], size[0])
    bounds = np.searchsorted(source.first, np.arange(maps.shape[1] + 1)).tolist()
    winners, values = np.empty(size, labels.dtype), np.empty(size, np.float32)
    step = max(1, STRIP_FLOATS // (len(maps) * size[1]))
    for start in range(0, maps.shape[1], step):  # rows of patches, with the one after them
        wide = widen(maps[:, start : start + step + 1], size[1])
        above = wide[:, :step]
        steps = wide[:, np.minimum(np.arange(1, above.shape[1] + 1), wide.shape[1] - 1)] - above
        cells = _Cells(above, steps, labels)
        for row in range(above.shape[1]):
            top, bottom = bounds[start + row : start + row + 2]
            for part in (slice(first, min(first + step, bottom)) for first in range(top, bottom, step)):
                cells.decide(row, source.share[part, None], winners[part], values[part])
    return winners, values


class _Cells:
    """The cells between each place of maps and the one below it: in most, one map is the largest all over the cell.

    Between two places where a map is larger than another one, it is larger everywhere.

    Args:
        maps: (C, h, W).
        steps: (C, h, W), from each value of the maps to the one below it.
        labels: (C,) what each map stands for.
    """

    def __init__(self, maps: Maps, steps: Maps, labels: Indices):
        self.maps, self.steps, self.labels = maps, steps, labels
        leader, is_rival = _leaders(maps, steps)
        self.leader = labels[leader]
        self.first, self.step = (np.take_along_axis(each, leader[None], 0)[0] for each in (maps, steps))
        self.is_open: NDArray[np.bool_] = np.asarray(is_rival.any(axis=0))
        self.competes: NDArray[np.bool_] = np.asarray(is_rival.any(axis=2))

    def decide(self, row: int, share: NDArray[np.float32], winners: NDArray[Any], values: NDArray[np.float32]) -> None:
        """Fill in the label and the value of the largest map, `share` (n, 1) of the way down from a row of the maps."""
        np.multiply(share, self.step[row], out=values)
        values += self.first[row]
        winners[:] = self.leader[row]
        columns = self.is_open[row].nonzero()[0]
        if len(columns):
            rivals = self.competes[:, row].nonzero()[0]
            strips = share * self.steps[rivals, row].take(columns, 1)[:, None]
            strips += self.maps[rivals, row].take(columns, 1)[:, None]
            winners[:, columns], values[:, columns] = _largest(strips, self.labels[rivals])


def _leaders(maps: Maps, steps: Maps) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Which map is the largest in each cell between a place and the one below it, (h, W).

    And whether each map has to be compared there (C, h, W): none has where the leader is the largest all over the cell.
    """
    below = maps + steps
    leader, most = np.zeros(maps.shape[1:], np.intp), maps[0] + below[0]
    for number in range(1, len(maps)):
        total = maps[number] + below[number]
        leader[total > most] = number
        np.maximum(most, total, out=most)
    margin = np.float32(ROUNDING) * np.abs(maps).max()
    is_rival = np.zeros(maps.shape, np.bool_)
    for each in (maps, below):
        is_rival |= each >= np.take_along_axis(each, leader[None], 0) - margin
    is_rival &= np.count_nonzero(is_rival, axis=0) > 1
    return leader, is_rival


def _largest(strips: Maps, labels: Indices) -> tuple[Indices, NDArray[np.float32]]:
    """Label and value of the largest of strips (C, rows, columns); of equal ones the first."""
    value, winner = strips[0], np.full(strips.shape[1:], labels[0], labels.dtype)
    for strip, label in zip(strips[1:], labels[1:], strict=True):  # faster than argmax for few, as fast for many
        larger = strip > value
        np.maximum(value, strip, out=value)
        np.putmask(winner, larger, label)
    return winner, value


def renumbered(labels: Indices, known: Sequence[int], *, background: bool) -> Indices:
    """Indices into the known labels as indices into all of them; where there is a background, it stays 0.

    Args:
        labels: What `free_mask` decided, with the background where there is one.
        known: For each known label, its index among all labels.
        background: Whether value 0 is the background.

    Example:
        >>> renumbered(np.array([0, 1, 2, -1]), [4, 7], background=True).tolist()
        [0, 5, 8, -1]
    """
    kept = [0, *(label + 1 for label in known)] if background else list(known)
    table = np.array([*kept, UNSURE])  # "don't know" is -1: the last of the table
    renumbered: Indices = table.astype(np.min_scalar_type(-2 - table.max()))[labels]
    return renumbered
