"""Presence: whether the right classes are in the masks at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freeseg.evaluation.metrics.bootstrap import Weights
from freeseg.evaluation.metrics.confusion import share
from freeseg.evaluation.metrics.metric import Counts, Metric, PredictedPhoto, Tally


def presence_counts(shown: Sequence[Collection[int]], there: Sequence[Collection[int]]) -> NDArray[np.int64]:
    """Per photo (photos, 3): how many labels are rightly shown, shown, and there.

    Args:
        shown: Per photo, the distinct labels in its predicted mask.
        there: Per photo, the distinct labels in its truth.

    Example:
        >>> presence_counts([[1, 2], []], [[2, 3, 4], [5]]).tolist()
        [[1, 2, 3], [0, 0, 1]]
    """
    rows = [(len({*a} & {*b}), len(a), len(b)) for a, b in zip(shown, there, strict=True)]
    return np.array(rows, np.int64).reshape(-1, 3)


def f1(hits: int, shown: int, there: int) -> float:
    """F1 from how many are right, how many were found and how many there are, in [0, 1]; NaN where there is nothing.

    Example:
        >>> f1(3, 4, 6)
        0.6
    """
    return float(share(2 * hits, shown + there))


def pooled_presence(shown: Sequence[Collection[int]], there: Sequence[Collection[int]]) -> Callable[[Weights], float]:
    """Weights -> presence F1 of a draw, in [0, 1], over all photos and labels together (micro).

    Args:
        shown: Per photo, the distinct labels in its predicted mask.
        there: Per photo, the distinct labels in its truth.

    Example:
        >>> pooled_presence([[1], [2]], [[1], [3]])(np.array([2, 0]))
        1.0
    """
    counts = presence_counts(shown, there)
    return lambda weights: f1(*(weights @ counts).tolist())


def _count(photo: PredictedPhoto) -> dict[str, Any]:
    return {"shown": photo.labels_in(photo.prediction.mask), "there": photo.labels_in(photo.truth)}


def _pool(photos: Sequence[Counts], classes: int) -> Callable[[Weights], float]:
    return pooled_presence([counts["shown"] for counts in photos], [counts["there"] for counts in photos])


def _parse(labels: Any) -> list[int]:
    return [int(label) for label in labels]


# Of each photo: the classes in the predicted mask and in the truth, without the background.
PRESENCE = Tally({"shown": _parse, "there": _parse}, _count, _pool)
PRESENCE_F1 = Metric("presence F1", "whether the right classes are in the masks at all", (PRESENCE,), float)
