"""A model small enough to train in a test, whose answers mean nothing; and whether two answers are the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from freeseg.engines.choose import require_torch
from freeseg.models.iclip import ICLIP
from freeseg.models.towers.efficientnet import EfficientNetLite, Stage
from freeseg.pipeline import FreeSeg
from freeseg.results.segmentation import Segmentation

_ROWS = ((1, 3, 1, 1, 8), (2, 3, 2, 2, 8), (1, 5, 2, 2, 8), (2, 3, 2, 2, 16), (2, 3, 2, 2, 16))
TINY_STAGES = [Stage(*row) for row in _ROWS]


def iclip_of(model: FreeSeg) -> ICLIP:
    """The image-text model in PyTorch behind a FreeSeg."""
    return require_torch(model.engine).model


class HashedText(nn.Module):
    """A text tower without weights: every text has its own random direction, the same on every run."""

    channels = 16

    def __call__(self, texts: Sequence[str]) -> Tensor:
        rows = []
        for text in texts:
            generator = torch.Generator().manual_seed(
                sum(byte * pow(31, i, 2**31) for i, byte in enumerate(text.encode())) % 2**31
            )
            rows.append(torch.randn(self.channels, generator=generator))
        return nn.functional.normalize(torch.stack(rows), dim=1)

    def unknown(self, texts: Sequence[str]) -> list[str]:
        return []


def tiny_iclip(hidden: int = 0, seed: int = 0) -> ICLIP:
    """An ICLIP small enough to train in a test."""
    torch.manual_seed(seed)
    tower = EfficientNetLite(stages=TINY_STAGES, head_channels=24, classes=10).eval().requires_grad_(False)
    return ICLIP(tower, HashedText(), 16, hidden=hidden).eval()


def embed_text(model: ICLIP, texts: Sequence[str]) -> Tensor:
    """Text embeddings (N, D) in the joint space, one for each text as it is."""
    return model.project_text(model.text_tower(texts))


@torch.inference_mode()
def tell_patches_apart(model: ICLIP) -> ICLIP:
    """Standardise the model's features on noise, as training does on photos: else one label wins every patch."""
    noise = torch.rand(1, 3, 12, 18, generator=torch.Generator().manual_seed(0))
    pixels = 255 * nn.functional.interpolate(noise, size=(192, 288), mode="bilinear")
    features = model.features(pixels)[0].flatten(1)
    model.image_head.mean.copy_(features.mean(dim=1))
    model.image_head.std.copy_(features.std(dim=1).clamp_min(1e-3))
    model.image_head.first.bias.zero_()
    return model


def same(first: Segmentation, second: Segmentation) -> bool:
    """Whether two results say the same of every pixel."""
    return (
        first.labels == second.labels
        and first.mask.dtype == second.mask.dtype
        and np.array_equal(first.mask, second.mask)
        and np.array_equal(first.confidence, second.confidence)
        and first.presence == second.presence
    )
