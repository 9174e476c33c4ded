"""The second pass: from what a model saw of each window to the mask of the whole picture, row of tiles by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import Maps, Sources
from freeseg.decision.masks import Indices, most_probable, refined_probabilities
from freeseg.decision.rule import Decision
from freeseg.large.blending import Blend
from freeseg.large.layout import Axis
from freeseg.large.looking import SeenWindows
from freeseg.large.mask_file import TILE
from freeseg.large.picture import LargePicture
from freeseg.mask_values import IGNORE, UNSURE, Mask, to_stored


class SecondPass(NamedTuple):
    """What the second pass needs of the first one.

    Attributes:
        kept: What was seen of each window.
        rows: The windows from top to bottom.
        columns: The windows from left to right.
        chosen: (C,) indices of the labels that are in the picture.
        prior: (C,) what their presence in the picture adds to their logits.
        is_background_word: (N,), which labels are background words themselves.
        rule: How a mask is decided.
        values: How many values the mask has, "don't know" aside.
        background: Whether value 0 is the background.
    """

    kept: SeenWindows
    rows: Axis
    columns: Axis
    chosen: NDArray[np.int64]
    prior: NDArray[np.float32]
    is_background_word: NDArray[np.bool_]
    rule: Decision
    values: int
    background: bool

    def probabilities(self, place: tuple[int, int]) -> tuple[Maps, Indices] | None:
        """The refined probabilities of a window (C, h, w), and the index of each; None for one without a picture."""
        seen = self.kept.read(place)
        if seen is None:
            return None
        others = seen.background if len(seen.background) else None
        maps, indices = refined_probabilities(
            seen.labels,
            others,
            seen.edges,
            self.rule,
            self.chosen,
            prior=self.prior,
            is_background_word=self.is_background_word,
        )
        if self.background and others is None:  # no words to tell it by, but 0 is still its index
            indices = (indices.astype(np.int32) + 1).astype(np.min_scalar_type(-2 - self.values))
        return maps, indices


def masks(second: SecondPass, picture: LargePicture, add_step: Callable[[], object]) -> Iterator[tuple[int, Mask]]:
    """The mask in rows of tiles, from top to bottom, each with its first row.

    Args:
        second: What was seen, and what is in the picture.
        picture: The picture, which is asked where it has data.
        add_step: Is called after each window.
    """
    (height, width), first = picture.size, second.kept.first()
    found = second.probabilities(first) if first else None
    if found is None:
        for top in range(0, height, TILE):
            yield (
                top,
                np.full(
                    (min(TILE, height - top), width), IGNORE, to_stored(np.zeros((1, 1), np.int64), second.values).dtype
                ),
            )
        return
    maps, indices = found
    blend = Blend(second.rows, second.columns, (len(maps), *maps.shape[1:]))
    sources = Sources.of(second.rows.cells(blend.height), height)
    top = 0
    for row in range(len(second.rows.starts)):
        for column in range(len(second.columns.starts)):
            if found := second.probabilities((row, column)):
                blend.add(row, column, found[0])
            add_step()
        done = blend.is_done(row)
        while top < height and sources.second[min(top + TILE, height) - 1] < done:
            bottom = min(top + TILE, height)
            start, stop = int(sources.first[top]), int(sources.second[bottom - 1]) + 1
            part = Sources(sources.first - start, sources.second - start, sources.share)[top:bottom]
            winners, confidence = most_probable(blend.take(start, stop), indices, (bottom - top, width), rows=part)
            if second.rule.ignore_below > 0:
                winners[confidence < second.rule.ignore_below] = UNSURE
            mask = to_stored(winners, second.values)
            is_known = picture.is_known(top, bottom - top)
            if is_known is not None:
                mask[~is_known] = IGNORE
            yield top, mask
            top = bottom
