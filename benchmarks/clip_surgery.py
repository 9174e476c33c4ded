"""CLIP's image tower with CLIP Surgery's second path: what FreeSeg-Lite is measured against.

Li, Wang, Duan, Li 2023 (arXiv 2304.05653), "architecture surgery". In the paper's terms, with the raw path x of
the CLIP that was trained and a second path y from block d on:

    x[i+1] = MLP(x') + x',  x' = Attention(q, k, v)(x[i]) + x[i]
    y[i+1] = Attention(v, v, v)(x[i]) + y[i],  y[d] = x[d]

The second path has no MLPs. Its patches, projected, are the patch embeddings; the raw path goes on to the end, since
its class token is the embedding of the whole picture. Written here from these formulas; weights are random, since
speed does not depend on them.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.clip.modeling_clip import CLIPAttention

SECOND_PATH = 6  # the last six of ViT-B's twelve blocks, as in the paper


def clip_vit_b16() -> CLIPVisionModelWithProjection:
    """CLIP ViT-B/16's image tower as transformers has it, random weights."""
    return CLIPVisionModelWithProjection(CLIPVisionConfig(patch_size=16)).eval().requires_grad_(False)


class ClipSurgery(nn.Module):
    """CLIP with a second path of value-value attention through its last blocks.

    Args:
        clip: The tower, whose layers are shared.
        blocks: How many blocks have the second path.

    Example:
        >>> import torch
        >>> clip = clip_vit_b16()
        >>> ClipSurgery(clip, 2)(torch.zeros(1, 3, 48, 64)).shape
        torch.Size([1, 512, 3, 4])
    """

    def __init__(self, clip: CLIPVisionModelWithProjection, blocks: int = SECOND_PATH) -> None:
        super().__init__()
        self.clip = clip
        self.blocks = blocks

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> patch embeddings (B, D, H / 16, W / 16)."""
        tower = self.clip.vision_model
        raw = tower.pre_layrnorm(tower.embeddings(pixels, interpolate_pos_encoding=True))
        layers = tower.encoder.layers
        for layer in layers[: -self.blocks]:
            raw = layer(raw, attention_mask=None)
        second = raw
        for layer in layers[-self.blocks :]:
            attended, alike = _both_attentions(layer.self_attn, layer.layer_norm1(raw))
            raw, second = raw + attended, second + alike
            raw = raw + layer.mlp(layer.layer_norm2(raw))
        patches: Tensor = self.clip.visual_projection(tower.post_layernorm(second[:, 1:]))
        grid = [side // tower.config.patch_size for side in pixels.shape[-2:]]
        return patches.transpose(1, 2).reshape(len(pixels), -1, *grid)


def _both_attentions(attention: CLIPAttention, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The block's own attention, and the one in which values are queries and keys too; the values computed once."""
    query, key, value = (
        projection(tokens).unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
        for projection in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    raw, alike = (
        F.scaled_dot_product_attention(*three).transpose(1, 2).flatten(2)
        for three in ((query, key, value), (value, value, value))
    )
    return attention.out_proj(raw), attention.out_proj(alike)
