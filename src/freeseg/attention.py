"""Free attention: a foreground weight per patch that needs no mask.

For CNNs, an energy map: channels of a ReLU feature map that fire strongly and rarely mark things,
so the sum of activations over channels is high on objects and low on plain background.
"""

from __future__ import annotations

import torch
from torch import Tensor

from freeseg.itsm import EPSILON


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
    norm = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    low, high = norm.amin(dim=(2, 3), keepdim=True), norm.amax(dim=(2, 3), keepdim=True)
    return torch.where(high - low > EPSILON, (norm - low) / (high - low).clamp_min(EPSILON), 1.0)
