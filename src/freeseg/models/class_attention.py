"""Free attention from the class token of an image tower, as DINO reads it (arXiv 2104.14294)."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from freeseg.decision import attention
from freeseg.models.config import PixelNormalisation


class ClassTokenTower(Protocol):
    """What free attention needs of an image tower.

    Attributes:
        stride: Side of a patch in pixels.
    """

    stride: int

    def class_attention(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> how much the class token looks at each patch (B, 1, h, w), >= 0."""


class ClassAttention(nn.Module):
    """Free attention of any photo: where the class token of a self-supervised tower looks (DINO, DINOv2).

    Args:
        tower: An image tower with a class token.
        normalisation: How pixels become its input.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, tower: ClassTokenTower, normalisation: PixelNormalisation):
        super().__init__()
        self.tower = tower
        self.register_buffer("mean", torch.tensor(normalisation.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(normalisation.std)[:, None, None])

    def forward(self, pixels: Tensor, grid: int) -> Tensor:
        """Pixels (B, 3, S, S), uint8 or float in 0..255 -> attention (B, 1, grid, grid), min-max scaled per image."""
        side = max(1, round(pixels.shape[-1] / self.tower.stride)) * self.tower.stride
        fitted = F.interpolate(pixels.float(), (side, side), mode="bilinear", antialias=True, align_corners=False)
        share = self.tower.class_attention((fitted - self.mean) / self.std)
        return attention.scale(F.adaptive_avg_pool2d(share, grid))
