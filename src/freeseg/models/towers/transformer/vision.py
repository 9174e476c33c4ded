"""Vision transformers as image towers: images of any shape -> patch features, by a dense mode over the last blocks.

Only patches take another way through the last blocks (see `dense`); the network itself is not changed. A side that is
no multiple of the patch is continued with its last row or column of pixels, so that every pixel belongs to a patch;
preprocessing resizes photos to whole patches, so this is rare.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from freeseg.models.towers.transformer.dense import Block, dense_tokens, first_block
from freeseg.models.towers.transformer.positions import antialiased, interpolate
from freeseg.models.towers.transformer.windows import features_by_windows, pixels_of, window_places


class VisionTower(nn.Module, ABC):
    """A frozen image tower of one kind; the subclasses know where transformers keeps its parts.

    Args:
        network: The image model of transformers.
        projection: Its projection to the joint space, where the kind has one.
        mode: A key of `dense.MODES`.
        projected: Whether features end in the joint space of the checkpoint's own words (zero-shot use), or before the
            projection, where `freeseg pretrain` puts its own.

    Attributes:
        channels: Width of the features.
        stride: Side of a patch in pixels.
        native: Side of the grid that the checkpoint was trained on, in patches.
        class_tokens: How many class tokens come before the patches: 1 or 0.
    """

    class_tokens = 1

    def __init__(self, network: Any, projection: nn.Module | None = None, *, mode: str = "raw", projected: bool = True):
        super().__init__()
        self.network, self.projection = network, projection or nn.Identity()
        self.mode, self.projected = mode, projected
        self.width: int = network.config.hidden_size
        self.stride: int = network.config.patch_size
        self.native = self._native()
        self.channels: int = getattr(projection, "out_features", self.width) if projected else self.width

    def features(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> features (B, channels, ceil(H / stride), ceil(W / stride))."""
        pixels = pad_to_patches(pixels, self.stride)
        return features_by_windows(self._window_features, pixels, patch=self.stride, native=self.native)

    def class_attention(self, pixels: Tensor) -> Tensor:
        """How much the class token looks at each patch in the last block, mean over heads (DINO, arXiv 2104.14294).

        Args:
            pixels: Normalised, (B, 3, H, W).

        Returns:
            (B, 1, h, w), >= 0; together with the class token's attention to itself, it sums to 1 per image.

        Raises:
            ValueError: The tower has no class token.
        """
        if not self.class_tokens:
            raise ValueError("this image tower has no class token to take attention from")
        pixels = pad_to_patches(pixels, self.stride)
        tokens = self.embed(pixels)
        for layer in self.layers[:-1]:
            tokens = layer(tokens, None)
        block = self.block(self.layers[-1])
        inside = block.norm1(tokens)
        query, key = (_heads(x, block.heads) for x in (block.q(inside[:, :1]), block.k(inside)))
        share = torch.softmax(block.scale * query @ key.transpose(-2, -1), dim=-1).mean(dim=1)[:, 0, 1:]
        return _grid(share[..., None], pixels, self.stride)

    def class_embedding(self, pixels: Tensor) -> Tensor:
        """The image as the checkpoint itself embeds it, by its class token: in the joint space of its own words.

        Args:
            pixels: Normalised, (B, 3, H, W).

        Returns:
            (B, channels), unit vectors; of an image that is seen through windows, the mean over the windows.

        Raises:
            ValueError: The tower has no class token, or is not used in the joint space.
        """
        if not (self.class_tokens and self.projected):
            raise ValueError("this image tower has no class token in the space of words")
        pixels = pad_to_patches(pixels, self.stride)
        seen = [
            F.normalize(self._window_class(pixels_of(pixels, place, patch=self.stride)), dim=1)
            for place in window_places(_cells(pixels, self.stride), native=self.native)
        ]
        return F.normalize(torch.stack(seen).mean(dim=0), dim=1)

    def _window_class(self, pixels: Tensor) -> Tensor:
        """The class token of one window, on its ordinary way through all blocks."""
        tokens = self.embed(pixels)
        for layer in self.layers:
            tokens = layer(tokens, None)
        return self.project(self.norm(tokens[:, 0]))

    def _window_features(self, pixels: Tensor) -> Tensor:
        """Features of one window."""
        tokens, layers = self.embed(pixels), self.layers
        first = first_block(self.mode, len(layers))
        for layer in layers[:first]:
            tokens = layer(tokens, None)
        blocks = [self.block(layer) for layer in layers[first:]]
        patches = dense_tokens(
            self.mode,
            tokens,
            blocks,
            grid=_cells(pixels, self.stride),
            has_class_token=bool(self.class_tokens),
        )
        patches = self.norm(patches)
        return _grid(self.project(patches) if self.projected else patches, pixels, self.stride)

    # Where transformers keeps the parts of a kind.

    @property
    def layers(self) -> Sequence[nn.Module]:
        """The transformer blocks, first to last."""
        layers: Sequence[nn.Module] = self.network.encoder.layers
        return layers

    @abstractmethod
    def embed(self, pixels: Tensor) -> Tensor:
        """Pixels -> the tokens that enter the first block (B, class_tokens + h * w, width)."""

    def block(self, layer: Any) -> Block:
        """What a dense mode needs of a block."""
        attention = layer.self_attn
        return Block(
            norm1=layer.layer_norm1,
            q=attention.q_proj,
            k=attention.k_proj,
            v=attention.v_proj,
            out=attention.out_proj,
            norm2=layer.layer_norm2,
            mlp=layer.mlp,
            heads=attention.num_heads,
            scale=attention.scale,
        )

    def norm(self, tokens: Tensor) -> Tensor:
        """The final norm."""
        normed: Tensor = self.network.post_layernorm(tokens)
        return normed

    def project(self, patches: Tensor) -> Tensor:
        """Normed patch tokens (..., width) -> the joint space (..., channels)."""
        projected: Tensor = self.projection(patches)
        return projected

    def _native(self) -> int:
        side: int = self.network.config.image_size // self.stride
        return side


class ClipVision(VisionTower):
    """CLIP's ViT (arXiv 2103.00020): class token, projection without bias."""

    def embed(self, pixels: Tensor) -> Tensor:
        """See `VisionTower.embed`."""
        embeddings = self.network.embeddings
        patches = _rows(embeddings.patch_embedding(pixels))
        first = embeddings.class_embedding.expand(len(pixels), 1, -1)
        table = interpolate(embeddings.position_embedding.weight, _cells(pixels, self.stride), class_token=True)
        tokens: Tensor = self.network.pre_layrnorm(torch.cat([first, patches], dim=1) + table)
        return tokens


class SiglipVision(VisionTower):
    """SigLIP (arXiv 2303.15343) and SigLIP 2 of fixed size (arXiv 2502.14786): no class token.

    Their image embedding is an attention pooling over patches. A patch goes to the joint space as if it were alone in
    that pooling: value projection, output projection, feed-forward (MaskCLIP's step, on the pooling).
    """

    class_tokens = 0

    def embed(self, pixels: Tensor) -> Tensor:
        """See `VisionTower.embed`."""
        embeddings = self.network.embeddings
        patches = _rows(embeddings.patch_embedding(pixels))
        table = interpolate(embeddings.position_embedding.weight, _cells(pixels, self.stride), class_token=False)
        return patches + table

    def project(self, patches: Tensor) -> Tensor:
        """See `VisionTower.project`."""
        head = self.network.head
        weight, bias = (part.chunk(3)[2] for part in (head.attention.in_proj_weight, head.attention.in_proj_bias))
        pooled = head.attention.out_proj(F.linear(patches, weight, bias))
        projected: Tensor = pooled + head.mlp(head.layernorm(pooled))
        return projected


class NaflexVision(SiglipVision):
    """SigLIP 2 of native shape (NaFlex): linear patch embedding, antialiased bilinear positions."""

    def embed(self, pixels: Tensor) -> Tensor:
        """See `VisionTower.embed`."""
        embeddings, grid = self.network.embeddings, _cells(pixels, self.stride)
        tokens: Tensor = embeddings.patch_embedding(_cut(pixels, self.stride))
        return tokens + antialiased(embeddings.position_embedding.weight, grid)

    def _native(self) -> int:
        return int(self.network.config.num_patches**0.5)


class DinoVision(VisionTower):
    """DINOv2 (arXiv 2304.07193), and DINO's ViT: they know no words, which `freeseg pretrain` has to teach them."""

    def __init__(self, network: Any, *, mode: str = "raw"):
        super().__init__(network, mode=mode, projected=False)

    @property
    def layers(self) -> Sequence[nn.Module]:
        """See `VisionTower.layers`."""
        encoder = getattr(self.network, "encoder", self.network)
        layers: Sequence[nn.Module] = encoder.layer if hasattr(encoder, "layer") else encoder.layers
        return layers

    def embed(self, pixels: Tensor) -> Tensor:
        """See `VisionTower.embed`."""
        embeddings = self.network.embeddings
        patches = _rows(embeddings.patch_embeddings.projection(pixels))
        first = embeddings.cls_token.expand(len(pixels), -1, -1)
        table = interpolate(embeddings.position_embeddings[0], _cells(pixels, self.stride), class_token=True)
        return torch.cat([first, patches], dim=1) + table

    def block(self, layer: Any) -> Block:
        """See `VisionTower.block`; the scales of a block's two parts (LayerScale) are applied with them."""
        attention = layer.attention
        scaled = hasattr(layer, "layer_scale1")
        return Block(
            norm1=layer.norm1 if scaled else layer.layernorm_before,
            q=attention.q_proj,
            k=attention.k_proj,
            v=attention.v_proj,
            out=nn.Sequential(attention.o_proj, layer.layer_scale1) if scaled else attention.o_proj,
            norm2=layer.norm2 if scaled else layer.layernorm_after,
            mlp=nn.Sequential(layer.mlp, layer.layer_scale2) if scaled else layer.mlp,
            heads=attention.num_attention_heads,
            scale=attention.scaling,
        )

    def norm(self, tokens: Tensor) -> Tensor:
        """See `VisionTower.norm`."""
        normed: Tensor = self.network.layernorm(tokens)
        return normed


def pad_to_patches(pixels: Tensor, patch: int) -> Tensor:
    """Pixels (B, 3, H, W) continued to the right and below to whole patches, by their last column and row.

    Example:
        >>> pad_to_patches(torch.zeros(1, 3, 15, 32), 16).shape
        torch.Size([1, 3, 16, 32])
    """
    below, right = (-side % patch for side in pixels.shape[2:])
    return F.pad(pixels, (0, right, 0, below), mode="replicate") if below or right else pixels


def _cut(pixels: Tensor, patch: int) -> Tensor:
    """Pixels as NaFlex takes them: (B, h * w, patch * patch * 3), channels last in a patch."""
    rows, columns = _cells(pixels, patch)
    cut = pixels.reshape(len(pixels), 3, rows, patch, columns, patch).permute(0, 2, 4, 3, 5, 1)
    return cut.reshape(len(pixels), rows * columns, -1)


def _cells(pixels: Tensor, patch: int) -> tuple[int, int]:
    return pixels.shape[2] // patch, pixels.shape[3] // patch


def _rows(grid: Tensor) -> Tensor:
    """(B, D, h, w) -> (B, h * w, D)."""
    return grid.flatten(2).transpose(1, 2)


def _grid(rows: Tensor, pixels: Tensor, patch: int) -> Tensor:
    """(B, h * w, D) -> (B, D, h, w)."""
    return rows.transpose(1, 2).reshape(len(rows), -1, *_cells(pixels, patch))


def _heads(tokens: Tensor, heads: int) -> Tensor:
    """(B, T, D) -> (B, heads, T, D / heads)."""
    return tokens.reshape(*tokens.shape[:2], heads, -1).transpose(1, 2)
