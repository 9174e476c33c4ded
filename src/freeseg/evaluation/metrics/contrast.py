"""Map contrast and mSC: whether similarity maps are brighter inside a class than outside (arXiv 2304.05653).

mSC is the mean over photos and the classes that are in them. Its term is the mean min-max score inside the true region
minus the mean score outside. Below zero, the map is upside down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import upsample
from freeseg.evaluation.metrics.bootstrap import Weights
from freeseg.evaluation.metrics.confusion import share
from freeseg.evaluation.metrics.metric import Counts, Metric, PredictedPhoto, Tally
from freeseg.mask_values import IGNORE


def map_contrast(maps: NDArray[np.floating], truth: NDArray[np.integer]) -> dict[int, float]:
    """The terms of mSC of one photo: per present label, mean score inside its region minus mean outside.

    Args:
        maps: (N, H, W) min-max scores in [0, 1]; map n belongs to index n of the truth.
        truth: (H, W), 255 for pixels that do not count; an index without a map is outside of all of them.

    Returns:
        One number in [-100, 100] for each label that is in the truth but not everywhere, by the map's index.

    Example:
        >>> map_contrast(np.array([[[1.0, 0.25]]]), np.array([[0, 1]]))
        {0: 75.0}
    """
    counted = truth != IGNORE
    terms = {}
    for label in np.unique(truth[counted]).tolist():
        inside = truth == label
        outside = counted & ~inside
        if 0 <= label < len(maps) and outside.any():
            terms[label] = 100 * float(maps[label][inside].mean() - maps[label][outside].mean())
    return terms


def pooled_contrast(photos: Sequence[Mapping[int, float]]) -> Callable[[Weights], float]:
    """Weights -> mSC of a draw, in [-100, 100], from each photo's terms: the mean over all terms of all photos drawn.

    Example:
        >>> pooled_contrast([{1: 10.0, 2: 20.0}, {1: 60.0}, {}])(np.array([1, 1, 1]))
        30.0
    """
    sums = np.array([sum(terms.values()) for terms in photos], np.float64)
    numbers = np.array([len(terms) for terms in photos])
    return lambda weights: float(share(weights @ sums, weights @ numbers))


def _count(photo: PredictedPhoto) -> dict[str, Any]:
    """One map at a time is enlarged to the photo's size: a dataset may have hundreds of classes."""
    truth, terms = photo.truth, {}
    for label in photo.labels_in(truth):
        small = photo.prediction.maps[label - photo.has_background]
        others = np.where(truth == IGNORE, IGNORE, truth != label)
        contrast = map_contrast(upsample(small[None], (truth.shape[0], truth.shape[1])), others)
        if contrast:
            terms[label] = contrast[0]
    return {"contrasts": terms}


def _pool(photos: Sequence[Counts], classes: int) -> Callable[[Weights], float]:
    return pooled_contrast([counts["contrasts"] for counts in photos])


def _parse(terms: Any) -> dict[int, float]:
    return {int(label): float(term) for label, term in terms.items()}


# Of each photo: its term of mSC by class, in [-100, 100]; the background has none.
CONTRAST = Tally({"contrasts": _parse}, _count, _pool)
MEAN_CONTRAST = Metric(
    "mSC",
    "raw maps: score inside a class minus score outside",
    (CONTRAST,),
    lambda contrast: contrast / 100,
    lowest=-100.0,
)
