"""What a metric consists of: what is counted on each photo, and how the counts of many photos become one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freeseg.evaluation.metrics.bootstrap import Weights
from freeseg.mask_values import IGNORE

Counts = Mapping[str, Any]  # what was counted on one photo, by name; JSON can hold it


class Prediction(NamedTuple):
    """What a model says of a photo.

    Attributes:
        mask: (H, W) uint8, indices into the dataset's classes, 255 = don't know.
        confidence: (H, W) float32 in [0, 1], the probability of what the mask says.
        maps: (N, h, w) float32 in [0, 1], the labels' min-max similarity maps on the patch grid, for display.
    """

    mask: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    maps: NDArray[np.float32]


class PredictedPhoto(NamedTuple):
    """What a model says of a photo, and the truth.

    Attributes:
        prediction: What the model says.
        truth: (H, W) uint8, indices into the dataset's classes, 255 = does not count.
        classes: How many classes the dataset has.
        has_background: Whether class 0 is the background. It has no similarity map: map n belongs to class n + 1 then.
    """

    prediction: Prediction
    truth: NDArray[np.uint8]
    classes: int
    has_background: bool

    def labels_in(self, mask: NDArray[np.uint8]) -> list[int]:
        """The classes in a mask, in order, without the background."""
        first = int(self.has_background)
        return [label for label in np.unique(mask).tolist() if first <= label < IGNORE]


@dataclass(frozen=True, eq=False)
class Tally:
    """Something that is counted on every photo, and adds up over photos. Several metrics may use the same one.

    Attributes:
        entries: The names under which a photo's record holds the counts, each with a function that checks and
            converts what JSON gave back; it raises TypeError, ValueError or AttributeError on damaged values.
        count: What is counted on one photo, by the names in `entries`.
        pool: (counts of every photo, number of classes) -> a function that adds the counts up, each photo's as often as
            its weight (photos,) says. It raises ValueError where the counts hold a class that does not exist.
        optional: Whether a report may lack the counts, because the tally is younger than reports that people have.
            Metrics that use it are then NaN.
    """

    entries: Mapping[str, Callable[[Any], Any]]
    count: Callable[[PredictedPhoto], dict[str, Any]]
    pool: Callable[[Sequence[Counts], int], Callable[[Weights], Any]]
    optional: bool = False

    def parse(self, values: Counts) -> dict[str, Any]:
        """The counts of one photo from what JSON gave back.

        Raises:
            KeyError: They are not there, and the tally is not optional.
            TypeError, ValueError, AttributeError: They are damaged.
        """
        if self.optional and not self.entries.keys() <= values.keys():
            return {}
        return {name: convert(values[name]) for name, convert in self.entries.items()}


@dataclass(frozen=True, eq=False)
class Metric:
    """A number that sums up how a model did on a whole set of photos. Reports give it in percent.

    Attributes:
        name: What the field calls it.
        meaning: What it says, in one line.
        tallies: What it is computed from.
        compute: The sums of each of `tallies` -> the number as a share, at most 1; NaN where it cannot be measured.
        lowest: The least that it can be, in percent.
        higher_is_better: Whether more of it is better.
    """

    name: str
    meaning: str
    tallies: tuple[Tally, ...]
    compute: Callable[..., float]
    lowest: float = 0.0
    higher_is_better: bool = True


def pooled_metrics(
    metrics: Sequence[Metric], photos: Sequence[Counts], classes: int
) -> Callable[[Weights], NDArray[np.float64]]:
    """Weights (photos,), how often each photo counts -> the metrics (M,) in percent; what they share is added up once.

    Raises:
        ValueError: The counts hold a class or a bin that does not exist.
    """
    tallies = dict.fromkeys(tally for metric in metrics for tally in metric.tallies)
    pools = {
        tally: tally.pool(photos, classes)
        for tally in tallies
        if all(tally.entries.keys() <= counts.keys() for counts in photos)
    }

    def numbers(weights: Weights) -> NDArray[np.float64]:
        sums = {tally: pool(weights) for tally, pool in pools.items()}
        shares = [
            metric.compute(*(sums[tally] for tally in metric.tallies)) if sums.keys() >= {*metric.tallies} else np.nan
            for metric in metrics
        ]
        return 100 * np.array(shares)

    return numbers
