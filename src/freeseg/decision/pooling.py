"""Poolings: patches -> one vector (or one similarity) per image, used in training only.

Every pooling has the same signature, `(x, weight, tau) -> pooled`, with patches on the last axis, and
works on features (B, D, P) as on patch-text similarities (B, N, P). `weight` is the free attention of
each patch (B, 1, P), in [0, 1]; None means that all patches count alike.

Sources: masked max pooling, ICLIP (arXiv 2209.07046); softmax pooling, PACL (arXiv 2212.04994); smoothed min
pooling, FreeSeg (arXiv 2209.13558), whose formula here is our reading (see docs/concepts/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Pooling = Callable[[Tensor, Tensor | None, float], Tensor]
EPSILON = 1e-6


def mean(x: Tensor, weight: Tensor | None = None, tau: float = 1.0) -> Tensor:
    """Mean over patches, weighted where attention is given. `tau` is not used.

    Example:
        >>> mean(torch.tensor([[1.0, 3.0]]), torch.tensor([[3.0, 1.0]])).tolist()
        [1.5]
    """
    if weight is None:
        return x.mean(dim=-1)
    return (x * weight).sum(dim=-1) / weight.sum(dim=-1).clamp_min(EPSILON)


def maximum(x: Tensor, weight: Tensor | None = None, tau: float = 1.0) -> Tensor:
    """Maximum over all patches, blind to attention (max pooling). `tau` is not used.

    Example:
        >>> maximum(torch.tensor([[1.0, 3.0, 2.0]])).tolist()
        [3.0]
    """
    return x.amax(dim=-1)


def masked_max(x: Tensor, weight: Tensor | None = None, tau: float = 1.0) -> Tensor:
    """Maximum over the foreground: patches whose attention is above the image's mean attention (ICLIP).

    `tau` is not used.

    Example:
        >>> masked_max(torch.tensor([[1.0, 3.0, 2.0]]), torch.tensor([[1.0, 0.0, 1.0]])).tolist()
        [2.0]
    """
    if weight is None:
        return x.amax(dim=-1)
    # Rounding can lift the mean of equal weights above all of them; the strongest patch always stays.
    threshold = torch.minimum(weight.mean(dim=-1, keepdim=True), weight.amax(dim=-1, keepdim=True))
    background = weight < threshold
    return x.masked_fill(background, -torch.inf).amax(dim=-1)


def minimum(x: Tensor, weight: Tensor | None = None, tau: float = 1.0) -> Tensor:
    """Minimum over the foreground: the hard limit (tau -> 0) of smoothed min pooling. `tau` is not used.

    Example:
        >>> minimum(torch.tensor([[1.0, 3.0, 2.0]]), torch.tensor([[0.0, 1.0, 1.0]])).tolist()
        [2.0]
    """
    return -masked_max(-x, weight)


def smoothed_min(x: Tensor, weight: Tensor | None = None, tau: float = 1.0) -> Tensor:
    """Smoothed min pooling: `-tau * log( sum_p w_p exp(-x_p / tau) / sum_p w_p )`.

    Asks the worst foreground patch to match, smoothly: the whole object has to light up, and one bad
    patch does not dominate. tau -> 0 is the minimum, tau -> infinity the attention-weighted mean.

    Args:
        x: Patches on the last axis, (..., P), float.
        weight: Free attention, broadcastable to x, >= 0; None for all ones.
        tau: Temperature, > 0, in the units of x.

    Returns:
        (...,), between the minimum and the weighted mean of x.

    Raises:
        ValueError: tau is not positive.

    Example:
        >>> x = torch.tensor([[0.0, 1.0]])
        >>> [round(smoothed_min(x, tau=tau).item(), 3) for tau in (0.01, 1.0, 100.0)]
        [0.007, 0.38, 0.499]
    """
    scaled = -_tempered(x, tau)
    if weight is None:
        return -tau * (scaled.logsumexp(dim=-1) - math.log(x.shape[-1]))
    log_weight = weight.clamp_min(EPSILON).log()
    return -tau * ((scaled + log_weight).logsumexp(dim=-1) - log_weight.logsumexp(dim=-1))


def softmax(x: Tensor, weight: Tensor | None = None, tau: float = 1.0) -> Tensor:
    """Softmax pooling: `sum_p a_p x_p` with `a = softmax(x / tau)` over patches (PACL, arXiv 2212.04994, section 3.1).

    The patches that match weigh most. tau -> 0 is the maximum, tau -> infinity the mean. `weight`, where it is
    given, multiplies `exp(x / tau)`.

    Example:
        >>> round(softmax(torch.tensor([[0.0, 1.0]])).item(), 3)
        0.731

    Raises:
        ValueError: tau is not positive.
    """
    logits = _tempered(x, tau)
    if weight is not None:
        logits = logits + weight.clamp_min(EPSILON).log()
    return (logits.softmax(dim=-1) * x).sum(dim=-1)


def _tempered(x: Tensor, tau: float) -> Tensor:
    """`x / tau`, for a temperature above 0."""
    if not tau > 0:
        raise ValueError(f"tau is {tau}; it must be above 0")
    return x / tau


POOLINGS: dict[str, Pooling] = {
    "mean": mean,
    "max": maximum,
    "masked-max": masked_max,
    "min": minimum,
    "smoothed-min": smoothed_min,
    "softmax": softmax,
}


def smooth_patches(x: Tensor, kernel: int) -> Tensor:
    """Spatial smoothing before a pooling: the average over kernel x kernel neighbours, (B, C, h, w) -> same.

    The border averages over the neighbours that exist. `kernel` is odd; 1 changes nothing.

    Example:
        >>> smooth_patches(torch.tensor([[[[0.0, 3.0, 6.0]]]]), 3).flatten().tolist()
        [1.5, 3.0, 4.5]
    """
    if kernel == 1:
        return x
    return F.avg_pool2d(x, kernel, stride=1, padding=kernel // 2, count_include_pad=False)
