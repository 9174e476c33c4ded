"""ICLIP: two frozen towers and two trained projections into one space (arXiv 2209.07046).

The projections are "dual": they serve dense similarity only and are separate from whatever the towers
use for their own task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from freeseg.decision import attention, itsm


class ImageTower(Protocol):
    """What ICLIP asks of an image tower."""

    channels: int
    stride: int

    def features(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> features (B, channels, h, w)."""


@runtime_checkable
class Classifier(Protocol):
    """A CNN with its own label space, which vocabulary distillation needs; the CLIP family has none.

    Attributes:
        last: How many channels, at the front of the features, are its last map's.
    """

    last: int

    def classify(self, features: Tensor) -> Tensor:
        """Feature vectors (..., channels) -> logits (..., classes)."""


class TextTower(Protocol):
    """What ICLIP asks of a text tower."""

    channels: int

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Texts -> unit vectors (N, channels)."""


class ImageHead(nn.Module):
    """Features -> joint space, per patch: standardise each channel, then a linear map or a small MLP."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, dim: int, hidden: int = 0):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))
        self.first = nn.Linear(channels, hidden or dim)
        self.second = nn.Linear(hidden, dim) if hidden else None

    def forward(self, features: Tensor) -> Tensor:
        """(..., channels) -> (..., dim)."""
        return self._through(features, F.linear)

    def maps(self, features: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, dim, h, w), the same for each patch: without copies on a processor."""
        return self._through(features, itsm.pointwise)

    def _through(self, features: Tensor, layer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """Standardisation is folded into the first map: one product, no copy."""
        weight = self.first.weight / self.std
        bias = self.first.bias - weight @ self.mean
        projected = layer(features, weight.to(features.dtype), bias.to(features.dtype))
        if self.second is None:
            return projected
        second = self.second
        return layer(F.gelu(projected), second.weight.to(features.dtype), second.bias.to(features.dtype))


class ICLIP(nn.Module):
    """An image-text model whose patches answer to words.

    Args:
        image_tower: Frozen image tower.
        text_tower: Frozen text tower.
        dim: Width of the joint space.
        hidden: Width of the image head's hidden layer; 0 for a linear head.
        mean, std: The image tower's pixel normalisation, in units of 0..255, per channel.

    Example:
        >>> import freeseg
        >>> model = freeseg.load("freeseg-lite-iclip").model
        >>> model.embed_image(torch.zeros(1, 3, 40, 33, dtype=torch.uint8)).shape
        torch.Size([1, 384, 3, 3])
        >>> model.embed_text(["cat", "dog"]).shape
        torch.Size([2, 384])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        image_tower: ImageTower,
        text_tower: TextTower,
        dim: int,
        hidden: int = 0,
        mean: Sequence[float] = (127.0, 127.0, 127.0),
        std: Sequence[float] = (128.0, 128.0, 128.0),
    ):
        super().__init__()
        self.image_tower = image_tower
        self.text_tower = text_tower
        self.dim = dim
        self.stride = image_tower.stride
        self.image_head = ImageHead(image_tower.channels, dim, hidden)
        self.text_head = nn.Linear(text_tower.channels, dim, bias=False)
        self.reset_heads()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        self.precision = torch.float32

    def reset_heads(self) -> None:
        """Start the heads anew, from torch's random state; the text head from the identity where it is square."""
        for layer in (self.image_head.first, self.image_head.second):
            if layer is not None:
                layer.reset_parameters()
        self.text_head.reset_parameters()
        if self.dim == self.text_tower.channels:
            nn.init.eye_(self.text_head.weight)  # the text space is good already: start from it

    def pass_through(self) -> None:
        """Make the heads identities: for towers that end in one space already, as a CLIP's own projections do.

        Raises:
            ValueError: The towers' widths differ, or the image head has a hidden layer.
        """
        head = self.image_head
        square = (self.dim, self.dim)
        if head.second is not None or not head.first.weight.shape == self.text_head.weight.shape == square:
            raise ValueError("heads can pass their input through only where both towers are as wide as the joint space")
        nn.init.eye_(head.first.weight)
        nn.init.zeros_(head.first.bias)
        nn.init.eye_(self.text_head.weight)

    def towers_to(self, precision: torch.dtype) -> None:
        """Run the towers at another precision; heads, embeddings and everything decided from them stay float32."""
        for tower in (self.image_tower, self.text_tower):
            if isinstance(tower, nn.Module):
                tower.to(precision)
        self.precision = precision

    def features(self, pixels: Tensor) -> Tensor:
        """The frozen tower's float32 features (B, C, h, w) of pixels (B, 3, H, W), uint8 or float in 0..255."""
        normalised = ((pixels.float() - self.mean) / self.std).to(self.precision)
        return self.image_tower.features(normalised.contiguous(memory_format=torch.channels_last)).float()

    def project(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w) -> patch embeddings (B, D, h, w), not normalised."""
        return self.image_head.maps(features)

    def embed_image(self, pixels: Tensor) -> Tensor:
        """Patch embeddings (B, D, h, w) of pixels (B, 3, H, W) of any size, uint8 or float in 0..255."""
        return self.project(self.features(pixels))

    def similarity_maps(self, pixels: Tensor, texts: Tensor) -> Tensor:
        """What photos say to words: the ITSM, cosines (B, N, h, w) in [-1, 1].

        Args:
            pixels: (B, 3, H, W) of any size, uint8 or float in 0..255.
            texts: Text embeddings (N, D).
        """
        return itsm.similarity(self.embed_image(pixels), texts)

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """L2-normalised text embeddings (N, D), one per text, templates not applied."""
        weight = self.text_head.weight
        return F.normalize(self.text_head(self.text_tower(texts).to(weight)), dim=1)

    def attention(self, features: Tensor) -> Tensor:
        """Free attention (B, 1, h, w) in [0, 1] of the tower's features: of its last map, where there are more."""
        tower = self.image_tower
        return attention.energy(features[:, : tower.last] if isinstance(tower, Classifier) else features)

    def heads(self) -> dict[str, Tensor]:
        """The trained tensors: what a checkpoint holds."""
        return {name: tensor for name, tensor in self.state_dict().items() if name.split(".")[0].endswith("_head")}
