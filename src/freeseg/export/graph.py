"""The graphs that are exported, in batches: photos -> decisions on the patch grid, or photos and words -> ITSM.

The decision is that of `freeseg.decision.masks`, written once more for batches and without a step whose shape depends
on values: every label keeps its map, and one that is not present has `ABSENT` everywhere. Refinement along the
photo's edges (PAMR) is not part of it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from freeseg.decision import itsm
from freeseg.decision.pooling import smooth_patches
from freeseg.decision.presence import LEAST_PRESENCE
from freeseg.decision.rule import Decision
from freeseg.models.iclip import ICLIP, PatchEmbedder
from freeseg.words.embedded import EmbeddedVocabulary

ABSENT = -1e4  # a logit that no softmax sees, and that float16 can hold


class Graph(nn.Module):
    """What both graphs have in common.

    Args:
        model: The image-text model; its text tower is not used.
        decision: Its decision rule.

    Attributes:
        inputs: The names of the inputs, in order.
        output: The name of the output.
        tolerance: The largest difference that the exported graph's output may have from this one's.
    """

    inputs: tuple[str, ...]
    output: str
    tolerance: float

    def __init__(self, model: ICLIP, decision: Decision):
        super().__init__()
        # The part with the weights is a module of its own, so that its nodes can be told from the decision's.
        self.embedder, self.decision = PatchEmbedder(model), decision


class OpenVocabulary(Graph):
    """Photos and text embeddings -> similarity maps."""

    inputs, output, tolerance = ("pixels", "text"), "itsm", 1e-4

    def forward(self, pixels: Tensor, text: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) float32 in 0..255 and text embeddings (N, D) -> cosines (B, N, h, w), not smoothed."""
        return itsm.similarity(self.embedder(pixels), text)


class FixedVocabulary(Graph):
    """Photos -> logits of the background, if there is one, and of the labels.

    Args:
        model: As for `Graph`.
        decision: As for `Graph`.
        words: The vocabulary, embedded.
        background: Whether a patch may be none of the labels; if not, background words are left out.
    """

    inputs, output, tolerance = ("pixels",), "logits", 1e-3
    texts: Tensor
    label_of_alias: Tensor
    is_background_word: Tensor

    def __init__(self, model: ICLIP, decision: Decision, words: EmbeddedVocabulary, background: bool):
        super().__init__(model, decision)
        self.background, self.labels = background, len(words.names)
        used = words.embeddings if background else words.aliases
        self.register_buffer("texts", torch.from_numpy(used))
        self.register_buffer("label_of_alias", torch.from_numpy(words.label_of_alias))
        self.register_buffer("is_background_word", torch.from_numpy(words.is_background_word))

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) float32 in 0..255 -> logits (B, 1 + N or N, h, w), see `logits`."""
        similarity = smooth_patches(itsm.similarity(self.embedder(pixels), self.texts), self.decision.smoothing)
        aliases = len(self.label_of_alias)
        labels = itsm.merge_aliases(similarity[:, :aliases], self.label_of_alias, self.labels)
        return logits(labels, similarity[:, aliases:], self.is_background_word, self.background, self.decision)


def logits(labels: Tensor, words: Tensor, is_background_word: Tensor, background: bool, decision: Decision) -> Tensor:
    """The decision before the argmax, on the patch grid: what `masks.free_mask` does, for a batch.

    Args:
        labels: Cosines of labels (B, N, h, w).
        words: Cosines of background words (B, K, h, w); K may be 0.
        is_background_word: (N,) bool, the labels that are background words themselves.
        background: Whether index 0 is the background.
        decision: The rule; refinement and "don't know" are not part of the logits.

    Returns:
        (B, 1 + N, h, w), or (B, N, h, w) without a background. `ABSENT` for labels that are not present, and for a
        background that has no words to tell it by.

    Example:
        >>> maps = torch.tensor([[[[0.9, 0.1]], [[-0.9, -0.5]]]])
        >>> sky, rule = torch.zeros(1, 1, 1, 2), Decision(logit_scale=10.0, background_margin=0.0)
        >>> logits(maps, sky, torch.tensor([False, False]), True, rule).tolist()
        [[[[0.0, 0.0]], [[9.0, 1.0]], [[-10000.0, -10000.0]]]]
    """
    best = words.amax(dim=1, keepdim=True) if words.shape[1] else None
    competing = labels if best is None else torch.cat([labels, best], dim=1)
    probability = torch.softmax(decision.logit_scale * competing, dim=1)[:, : labels.shape[1]]
    scores = presence(probability, decision.presence_share)
    present = scores >= decision.presence_ratio * scores.amax(dim=1, keepdim=True)
    if best is not None:
        ahead = torch.sigmoid(decision.logit_scale * (labels - best))
        present = present & (presence(ahead, decision.presence_share) >= decision.presence_floor)
    floor = torch.full_like(labels[:, :1], ABSENT)
    if best is not None:
        floor = decision.logit_scale * (best + decision.background_margin)
        labels = labels + decision.background_margin * is_background_word[:, None, None]
    decided = decision.logit_scale * labels
    if decision.presence_weight:
        decided = decided + presence_prior(scores, present, decision.presence_weight)[:, :, None, None]
    decided = torch.where(present[:, :, None, None], decided, ABSENT)
    return torch.cat([floor, decided], dim=1) if background else decided


def presence(probability: Tensor, share: float) -> Tensor:
    """`masks.presence` for a batch: the mean probability of each label over its best patches.

    How many patches there are is not known when the graph is traced. So a few more than count are sorted, and those
    that do not count are left out: place i, from 0, is among the best `ceil(share P)` of P patches if `i < share P`.

    Args:
        probability: (B, N, h, w) in [0, 1].
        share: The share of patches that count, in (0, 1].

    Returns:
        (B, N) in [0, 1].

    Example:
        >>> presence(torch.tensor([0.75, 0.1, 0.2, 0.25]).reshape(1, 1, 1, 4), 0.5).item()
        0.5
    """
    patches = probability.flatten(2)
    total = patches.shape[2]
    few = (math.ceil(share * 1000) * total + 999) // 1000  # whole numbers: at least ceil(share P), at most P
    best = patches.topk(few, dim=2).values
    place = torch.arange(few, dtype=torch.float64, device=patches.device)
    limit = share * torch.scalar_tensor(total, dtype=torch.float64, device=patches.device)  # as precise as Python
    counts = (place < limit).to(patches.dtype)
    return (best * counts).sum(dim=2) / counts.sum()


def presence_prior(scores: Tensor, present: Tensor, weight: float) -> Tensor:
    """`presence.presence_prior` for a batch, of the labels that are present.

    Args:
        scores: (B, N) presence.
        present: (B, N) bool, which labels may appear.
        weight: `Decision.presence_weight`.

    Returns:
        (B, N); meaningless for labels that are not present.

    Example:
        >>> scores, present = torch.tensor([[0.9, 0.5, 0.25]]), torch.tensor([[False, True, True]])
        >>> presence_prior(scores, present, 1.0)[present].tolist()
        [0.0, -0.6931471824645996]
    """
    logarithms = scores.clamp(min=LEAST_PRESENCE).log()
    return weight * (logarithms - logarithms.masked_fill(~present, ABSENT).amax(dim=1, keepdim=True))
