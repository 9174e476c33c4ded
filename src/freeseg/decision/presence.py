"""Which labels may appear in a photo, and how likely each is there: the partial label of FreeSeg at inference."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from freeseg.decision.maps import Maps, softmax
from freeseg.decision.rule import Decision

LEAST_PRESENCE = 1e-4  # of which a logarithm is taken: a label with less can hardly win a patch, and float16 holds it


def probabilities(labels: Maps, background: Maps, logit_scale: float) -> Maps:
    """Softmax at each patch over the labels and the best background word; the labels' part.

    Only the best word competes, not all of them: how many background words there are must not decide what is present.

    Args:
        labels: (N, h, w) cosines of labels.
        background: (K, h, w) cosines of background words; K may be 0.
        logit_scale: Cosines -> logits.

    Returns:
        (N, h, w) in [0, 1].

    Example:
        >>> even = np.zeros((1, 2, 2), np.float32)
        >>> np.unique(probabilities(even, even, 20.0)).tolist()
        [0.5]
    """
    best = background.max(axis=0, keepdims=True) if len(background) else background
    return softmax(np.float32(logit_scale) * np.concatenate([labels, best]))[: len(labels)]


def presence(probability: Maps, share: float) -> NDArray[np.float32]:
    """Image-level score of each label: its mean probability over its best patches.

    Args:
        probability: (N, h, w) in [0, 1].
        share: The share of patches that count, in (0, 1]; at least one patch.

    Returns:
        (N,) in [0, 1].

    Example:
        >>> presence(np.array([[[0.75, 0.25, 0.25, 0.25]]], np.float32), 0.25).tolist()
        [0.75]
    """
    patches = probability.reshape(len(probability), -1)
    count = max(1, math.ceil(share * patches.shape[1]))
    best = np.partition(patches, patches.shape[1] - count, axis=1)[:, -count:]
    return np.asarray(best.mean(axis=1, dtype=np.float64), np.float32)


def present(
    labels: Maps, background: Maps | None, scores: NDArray[np.float32], decision: Decision
) -> NDArray[np.int64]:
    """The labels that the presence rule lets appear, as indices; never none of them without a background.

    Args:
        labels: (N, h, w) cosines of labels.
        background: (K, h, w) cosines of background words, K >= 1; None for no background.
        scores: (N,) presence of each label among all labels.
        decision: The rule.

    Example:
        >>> labels = np.array([[[0.9, 0.1]], [[0.1, 0.0]]], np.float32)
        >>> present(labels, None, presence(probabilities(labels, labels[:0], 20.0), 0.5), Decision()).tolist()
        [0]
    """
    enough = scores >= np.float32(decision.presence_ratio) * scores.max()
    if background is not None:
        lead = np.float32(decision.logit_scale) * (labels - background.max(axis=0))
        alone = presence((1 + np.tanh(lead / 2)) / 2, decision.presence_share)  # the sigmoid, without overflow
        enough &= alone >= decision.presence_floor
    return np.flatnonzero(enough)


def presence_prior(scores: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """What each label's presence in the photo adds to its logits: `weight log(presence / highest presence)`.

    A softmax of these sums is proportional to `presence ** weight` times the exponential of the logits. With a weight
    of 1 that is Bayes' rule among the labels, with presence as their prior probability. The background, which has no
    presence, is on a par with the most present label.

    Args:
        scores: (C,) presence, in [0, 1], of each label that may appear; there may be none.
        weight: `Decision.presence_weight`.

    Returns:
        (C,), 0 for the most present label and less for the others.

    Example:
        >>> presence_prior(np.array([1.0, 0.5], np.float32), 2.0).round(3).tolist()
        [0.0, -1.3860000371932983]
    """
    logarithms = np.log(np.maximum(scores, np.float32(LEAST_PRESENCE)))
    return np.asarray(np.float32(weight) * (logarithms - logarithms.max(initial=-np.inf)), np.float32)
