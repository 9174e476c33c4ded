"""Free attention: a foreground weight per patch that needs no mask.

For CNNs, an energy map: channels of a ReLU feature map that fire strongly and rarely mark things,
so the norm over channels is high on objects and low on plain background. For self-supervised
transformers, where the class token looks (`models.transformer.vision.ClassAttention`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from freeseg.decision.itsm import EPSILON


def energy(features: Tensor) -> Tensor:
    """Energy map of a CNN's features, min-max scaled per image.

    Args:
        features: (B, C, h, w), the tower's last feature map.

    Returns:
        (B, 1, h, w) in [0, 1]: the patch's feature norm; a constant map becomes all ones.

    Example:
        >>> energy(torch.tensor([[[[0.0, 1.0, 3.0]], [[0.0, 0.0, 4.0]]]])).flatten().tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    return scale(torch.linalg.vector_norm(features, dim=1, keepdim=True))


def scale(maps: Tensor) -> Tensor:
    """Min-max of maps (B, 1, h, w) per image, to [0, 1]; a constant map becomes all ones.

    Example:
        >>> scale(torch.tensor([[[[2.0, 4.0, 3.0]]]])).flatten().tolist()
        [0.0, 1.0, 0.5]
    """
    low, high = maps.amin(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
    return torch.where(high - low > EPSILON, (maps - low) / (high - low).clamp_min(EPSILON), 1.0)
