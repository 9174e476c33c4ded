"""ITSM -> free mask: which labels are present, where they are, and how sure that is.

Pure functions on tensors. Everything is decided on raw cosines times a logit scale, never on min-max maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.decision.refinement import pamr
from freeseg.mask_values import UNSURE

STRIP_FLOATS = 500_000  # floats of label scores held at photo size at once: few enough for a processor's cache
FEW = 12  # maps


@dataclass(frozen=True)
class Decision:
    """How a mask is decided. A checkpoint carries its own, so that users need not choose.

    Attributes:
        smoothing: Maps are averaged over this many patches each way first (odd; 1 turns it off): a single
            patch is noisy, its neighbours mostly show the same thing.
        logit_scale: Cosines are multiplied by it before any softmax.
        presence_share: A label's presence is its mean probability over this share of the photo, its best patches.
        presence_ratio: A label is present if its presence is at least this share of the most present one's ...
        presence_floor: ... and, where there is a background, if its presence against the background alone is at
            least this much: a single label that was asked for need not be there.
        background_margin: Added to the background's cosine, and to that of labels which are background words
            themselves ("stuff"); higher gives more background, and more stuff.
        refine_steps: Steps of PAMR along the photo's edges; 0 turns it off.
        ignore_below: Pixels less sure than this become "don't know".
    """

    smoothing: int = 3
    logit_scale: float = 20.0
    presence_share: float = 0.06
    presence_ratio: float = 0.55
    presence_floor: float = 0.7
    background_margin: float = 0.03
    refine_steps: int = 10
    ignore_below: float = 0.0


class FreeMask(NamedTuple):
    """The decision for one photo.

    Attributes:
        labels: (H, W) int32; 0 is the background where there is one, then the labels in order; -1 = don't know.
        confidence: (H, W) float32 in [0, 1], the probability of the winner.
        presence: (N,) float32 in [0, 1], per label, background not among them.
        candidates: (C,) int64, the labels that competed for the pixels, as indices into `presence`.
    """

    labels: Tensor
    confidence: Tensor
    presence: Tensor
    candidates: Tensor


def probabilities(itsm: Tensor, background: Tensor, logit_scale: float) -> Tensor:
    """Softmax at each patch over the labels and the best background word; the labels' part.

    The best word, not all of them: the number of background words must not decide what is present.

    Args:
        itsm: (N, h, w) cosines of labels.
        background: (K, h, w) cosines of background words; K may be 0.
        logit_scale: Cosines -> logits.

    Returns:
        (N, h, w) in [0, 1].

    Example:
        >>> even = torch.zeros(1, 2, 2)
        >>> probabilities(even, even, 20.0).unique().tolist()
        [0.5]
    """
    best = background.amax(dim=0, keepdim=True) if len(background) else background
    return torch.softmax(logit_scale * torch.cat([itsm, best]), dim=0)[: len(itsm)]


def presence(probability: Tensor, share: float) -> Tensor:
    """Image-level score of each label: its mean probability over its best patches.

    Args:
        probability: (N, h, w) in [0, 1].
        share: The share of patches that count, in (0, 1]; at least one patch.

    Returns:
        (N,) in [0, 1].

    Example:
        >>> presence(torch.tensor([[[0.9, 0.1, 0.1, 0.1]]]), 0.25).item() == torch.tensor(0.9).item()
        True
    """
    patches = probability.flatten(1)
    count = max(1, math.ceil(share * patches.shape[1]))
    return patches.topk(count, dim=1).values.mean(dim=1)


def present(scores: Tensor, alone: Tensor, decision: Decision) -> Tensor:
    """Which labels may appear (partial label at inference).

    Args:
        scores: (N,) presence of each label among all labels.
        alone: (N,) presence of each label against the background alone; ones where there is none.
        decision: The rule.

    Returns:
        Indices of labels, int64; never empty without a background.

    Example:
        >>> scores, alone = torch.tensor([0.8, 0.1, 0.5]), torch.ones(3)
        >>> present(scores, alone, Decision(presence_ratio=0.5)).tolist()
        [0, 2]
    """
    enough = (scores >= decision.presence_ratio * scores.max()) & (alone >= decision.presence_floor)
    return torch.nonzero(enough).flatten()


def free_mask(
    itsm: Tensor,
    background: Tensor | None,
    photo: Tensor,
    size: tuple[int, int],
    decision: Decision,
    known: Tensor | None = None,
    is_background_word: Tensor | None = None,
) -> FreeMask:
    """The mask of one photo.

    Args:
        itsm: (N, h, w) cosines of the labels, on the patch grid.
        background: (K, h, w) cosines of background words, K >= 1; None for no background.
        photo: (3, h', w') the photo in [0, 1] at the size where the edges are looked at, for refinement.
        size: (height, width) of the mask.
        decision: The rule.
        known: (C,) int64, different indices of the labels that are known to be in the photo, from its captions for
            example: these appear, and no others. Empty or None: presence decides.
        is_background_word: (N,) bool, the labels that are background words themselves; None: none of them.

    Example:
        >>> itsm = torch.tensor([[[0.9, 0.1]], [[0.1, 0.9]]])
        >>> free_mask(itsm, None, torch.zeros(3, 2, 4), (4, 8), Decision()).labels[0].tolist()
        [0, 0, 0, 0, 1, 1, 1, 1]
    """
    words = itsm.new_empty((0, *itsm.shape[1:])) if background is None else background
    scores = presence(probabilities(itsm, words, decision.logit_scale), decision.presence_share)
    chosen = known if known is not None and len(known) else _present(itsm, background, scores, decision)
    candidates = itsm[chosen]
    indices = chosen
    if background is not None:
        best = background.amax(dim=0, keepdim=True) + decision.background_margin
        if is_background_word is not None:  # they are on a par with the words that they were among
            candidates = candidates + decision.background_margin * is_background_word[chosen, None, None]
        candidates = torch.cat([best, candidates])
        indices = torch.cat([chosen.new_zeros(1), chosen + 1])
    sure = torch.softmax(decision.logit_scale * candidates, dim=0)
    if decision.refine_steps and len(sure) > 1:
        sure = F.interpolate(sure[None], photo.shape[1:], mode="bilinear", align_corners=False)[0]
        sure = pamr(sure, photo, decision.refine_steps)
    labels, confidence = _largest(sure, indices.int(), size)
    if decision.ignore_below > 0:
        labels = labels.masked_fill(confidence < decision.ignore_below, UNSURE)
    return FreeMask(labels, confidence, scores, chosen)


def _present(itsm: Tensor, background: Tensor | None, scores: Tensor, decision: Decision) -> Tensor:
    """The labels that the presence rule lets appear."""
    alone = torch.ones_like(scores)
    if background is not None:
        ahead = torch.sigmoid(decision.logit_scale * (itsm - background.amax(dim=0)))
        alone = presence(ahead, decision.presence_share)
    return present(scores, alone, decision)


def _largest(maps: Tensor, labels: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Label and value of the largest map at each pixel of `size`, without holding all maps at that size.

    Bilinear in strips of rows: the same numbers as one `interpolate`, in bounded memory.
    """
    height, width = size
    rows = max(1, STRIP_FLOATS // (len(maps) * width))
    largest = torch.empty(size, dtype=labels.dtype, device=maps.device)
    value = torch.empty(size, dtype=torch.float32, device=maps.device)
    wide = F.interpolate(maps[None].float(), (maps.shape[1], width), mode="bilinear", align_corners=False)[0]
    source = ((torch.arange(height, device=maps.device) + 0.5) * (maps.shape[1] / height) - 0.5).clamp_min(0)
    above = source.long().clamp_max(maps.shape[1] - 1)
    below = (above + 1).clamp_max(maps.shape[1] - 1)
    share = source - above
    for start in range(0, height, rows):
        part = slice(start, start + rows)
        strip = torch.lerp(wide.index_select(1, above[part]), wide.index_select(1, below[part]), share[part, None])
        value[part], largest[part] = _winner(strip, labels)
    return largest, value


def _winner(maps: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Value and label of the largest map (C, ...) at each place; the first of equal ones.

    A few maps one after another: on a processor, `torch.max` with its indices is slower.
    """
    if len(maps) > FEW or maps.device.type != "cpu":
        value, place = torch.max(maps, dim=0)
        return value, labels[place]
    value, winner = maps[0], labels[0].expand(maps.shape[1:])
    for map_, label in zip(maps[1:], labels[1:], strict=True):
        ahead = map_ > value
        value, winner = torch.where(ahead, map_, value), torch.where(ahead, label, winner)
    return value, winner
