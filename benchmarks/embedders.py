"""What is compared on square pictures: the image towers of FreeSeg-Lite and of the CLIP family.

The CLIP family has random weights of the true sizes: speed and memory do not depend on the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, SiglipVisionConfig, SiglipVisionModel

import freeseg
from freeseg.engines.choose import require_torch
from freeseg.models.towers.transformer.vision import ClipVision, SiglipVision, VisionTower

Embed = Callable[[Tensor], object]  # pixels (B, 3, H, W) -> embeddings
PLAIN = "plain"  # transformers' own forward, without any dense mode
SURGERY, COMPARED, OURS = "surgery", "CLIP ViT-B/16", "FreeSeg-Lite"


def _clip(**sizes: Any) -> CLIPVisionModelWithProjection:
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes)).eval().requires_grad_(False)


def _siglip(**sizes: Any) -> SiglipVisionModel:
    return SiglipVisionModel(SiglipVisionConfig(**sizes)).eval().requires_grad_(False)


LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
MODELS: dict[str, Callable[[], Any]] = {
    "CLIP ViT-B/32": partial(_clip, patch_size=32, projection_dim=512),
    COMPARED: partial(_clip, patch_size=16, projection_dim=512),
    "CLIP ViT-L/14": partial(_clip, patch_size=14, projection_dim=768, **LARGE),
    "SigLIP 2 base, patch 16": partial(_siglip, patch_size=16, image_size=224),
}


def embedder(network: Any, mode: str) -> Embed:
    """Pixels -> embeddings, by a model of transformers as it is (PLAIN) or by FreeSeg's tower in a dense mode."""
    if mode == PLAIN:
        return partial(network, interpolate_pos_encoding=True)
    tower: VisionTower
    if isinstance(network, SiglipVisionModel):
        tower = SiglipVision(network, mode=mode)
    else:
        tower = ClipVision(network.vision_model, network.visual_projection, mode=mode)
    return tower.features


def picture(network: Any, side: int) -> Tensor:
    """A square picture of about `side` pixels a side, in whole patches of the network."""
    patch = network.config.patch_size
    return torch.zeros(1, 3, *[max(1, round(side / patch)) * patch] * 2)


# What `benchmarks.clip_comparison` compares.
SYSTEMS: dict[str, Callable[[], Embed]] = {
    OURS: lambda: require_torch(freeseg.load(engine="torch").engine).model.embed_image,
    COMPARED: lambda: embedder(MODELS[COMPARED](), PLAIN),
    "CLIP Surgery": lambda: embedder(MODELS[COMPARED](), SURGERY),
}
