"""Losses of dense ICLIP: pure functions on tensors."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from freeseg.decision.itsm import EPSILON
from freeseg.decision.pooling import Pooling


def pooled_similarity(
    patches: Tensor,
    texts: Tensor,
    pooling: Pooling,
    *,
    where: Literal["features", "similarities"],
    weight: Tensor | None,
    tau: float,
) -> Tensor:
    """One similarity per image and text, with the pooling on features or on similarities.

    Args:
        patches: Patch embeddings (B, D, P).
        texts: Unit text embeddings (N, D).
        pooling: One of `freeseg.decision.pooling.POOLINGS`.
        where: "features": pool each channel, then take the cosine. "similarities": take the cosine of every
            patch with every text, then pool.
        weight: Free attention (B, 1, P) or None.
        tau: Temperature of smoothed min and of softmax pooling.

    Returns:
        (B, N) cosines.

    Example:
        >>> import torch
        >>> from freeseg.decision.pooling import mean
        >>> patches = torch.eye(2).expand(1, 2, 2)
        >>> pooled_similarity(patches, torch.eye(2), mean, where="similarities", weight=None, tau=1.0).tolist()
        [[0.5, 0.5]]
    """
    if where == "features":
        return F.normalize(pooling(patches, weight, tau), dim=1, eps=EPSILON) @ texts.T
    if where == "similarities":
        return pooling(texts @ F.normalize(patches, dim=1, eps=EPSILON), weight, tau)
    raise ValueError(f"where is {where!r}; it must be 'features' or 'similarities'")


def multi_positive_nce(similarity: Tensor, positive: Tensor, *, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE (CLIP, arXiv 2103.00020) where a photo may have several texts and a text several photos.

    Each row's (then each column's) target is spread evenly over its positives; rows and columns without
    one are left out. This is SupCon's outer sum (Khosla et al. 2020, arXiv 2004.11362, equation 2).

    Args:
        similarity: (B, N) cosines, photos in rows.
        positive: (B, N) bool: the text is a caption of the photo, or a noun that its captions mention.
        scale: Logit scale, a scalar.

    Example:
        >>> import torch
        >>> both = torch.tensor([[True, True]])
        >>> round(multi_positive_nce(torch.zeros(1, 2), both, scale=torch.tensor(1.0)).item(), 4)
        0.3466
    """
    logits = scale * similarity
    return (_spread_cross_entropy(logits, positive) + _spread_cross_entropy(logits.T, positive.T)) / 2


def _spread_cross_entropy(logits: Tensor, positive: Tensor) -> Tensor:
    count = positive.sum(dim=1)
    used = count > 0
    own = (logits.log_softmax(dim=1) * positive).sum(dim=1)
    return -(own[used] / count[used]).sum() / used.sum().clamp_min(1)


def distillation(patches: Tensor, names: Tensor, probabilities: Tensor, *, scale: float) -> Tensor:
    """Vocabulary distillation: `KL( probabilities || softmax(scale * cos(patches, names)) )`, mean over patches.

    Args:
        patches: Patch embeddings (M, D).
        names: Unit text embeddings of the classes (K, D).
        probabilities: What the image tower's classifier says of each patch (M, K), rows summing to 1.
        scale: Logit scale of the words.

    Example:
        >>> import torch
        >>> names = torch.eye(2)
        >>> sure = torch.tensor([[1.0, 0.0]])
        >>> distillation(names[:1], names, sure, scale=10.0) < distillation(names[1:], names, sure, scale=10.0)
        tensor(True)
    """
    logits = scale * F.normalize(patches, dim=1, eps=EPSILON) @ names.T
    return F.kl_div(F.log_softmax(logits, dim=1), probabilities, reduction="batchmean")


def group_probabilities(probabilities: Tensor, groups: Tensor, count: int) -> Tensor:
    """Probabilities of kinds (M, count) from those of classes (M, K): the sum over each kind's classes.

    Args:
        probabilities: (M, K).
        groups: The kind of each class (K,), int64.
        count: Number of kinds.

    Example:
        >>> import torch
        >>> group_probabilities(torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor([0, 0, 1]), 2).tolist()
        [[0.5, 0.5]]
    """
    return probabilities.new_zeros(len(probabilities), count).index_add_(1, groups, probabilities)
