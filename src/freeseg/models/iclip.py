"""ICLIP: two frozen towers and two trained projections ("heads") into one joint space (arXiv 2209.07046).

The projections are "dual": they serve dense similarity only and are separate from the projections that the towers
may have for their own task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from freeseg.decision import attention, itsm
from freeseg.models.config import PixelNormalisation


class ImageTower(Protocol):
    """What ICLIP needs of an image tower.

    Attributes:
        channels: Width of the features.
        stride: Pixels from one patch to the next.
    """

    channels: int
    stride: int

    def features(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> features (B, channels, h, w)."""


@runtime_checkable
class Classifier(Protocol):
    """An image tower with a label space of its own, which vocabulary distillation needs; transformers have none.

    Attributes:
        last: How many channels, at the front of the features, belong to the tower's last map.
    """

    last: int

    def classify(self, features: Tensor) -> Tensor:
        """Feature vectors (..., channels) -> logits (..., classes)."""


@runtime_checkable
class WholeImageTower(Protocol):
    """An image tower that may embed a whole image by its class token, as CLIPs do.

    Attributes:
        class_tokens: How many class tokens it has: 1 or 0.
        projected: Whether it ends in the joint space of its own words.
    """

    class_tokens: int
    projected: bool

    def class_embedding(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> unit vectors (B, channels) in that space."""


class TextTower(Protocol):
    """What ICLIP needs of a text tower.

    Attributes:
        channels: Width of the embeddings.
    """

    channels: int

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Texts -> unit vectors (N, channels)."""

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Those of the texts of which the tokenizer knows nothing, so that their embeddings say nothing."""


class ImageHead(nn.Module):
    """Features -> joint space, per patch: standardise each channel, then a linear map or a small MLP.

    Args:
        channels: Width of the features.
        dim: Width of the joint space.
        hidden: Width of the MLP's hidden layer; 0 for a linear map.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, dim: int, *, hidden: int = 0):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))
        self.first = nn.Linear(channels, hidden or dim)
        self.second = nn.Linear(hidden, dim) if hidden else None

    def forward(self, features: Tensor) -> Tensor:
        """(..., channels) -> (..., dim)."""
        return self._project_by(features, F.linear)

    def maps(self, features: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, dim, h, w): `forward` for each patch, without copying the maps on a CPU."""
        return self._project_by(features, itsm.pointwise)

    def _project_by(self, features: Tensor, layer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """Project features by layers of a kind; the standardisation is folded into the first one, without a copy."""
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
        normalisation: How pixels become the image tower's input.

    Attributes:
        stride: Pixels from one patch to the next.
        precision: Of the towers.

    Example:
        >>> from freeseg.models import load_model
        >>> model, config = load_model("freeseg-lite-iclip")
        >>> patches = model.embed_image(torch.zeros(1, 3, 40, 33, dtype=torch.uint8))
        >>> patches.shape
        torch.Size([1, 384, 3, 3])
        >>> texts = model.project_text(model.text_tower(["cat", "dog"]))
        >>> itsm.similarity(patches, texts).shape
        torch.Size([1, 2, 3, 3])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        image_tower: ImageTower,
        text_tower: TextTower,
        dim: int,
        *,
        hidden: int = 0,
        normalisation: PixelNormalisation = PixelNormalisation(),  # noqa: B008 - it is frozen
    ):
        super().__init__()
        self.image_tower = image_tower
        self.text_tower = text_tower
        self.dim = dim
        self.stride = image_tower.stride
        self.image_head = ImageHead(image_tower.channels, dim, hidden=hidden)
        self.text_head = nn.Linear(text_tower.channels, dim, bias=False)
        self.reset_heads()
        self.register_buffer("mean", torch.tensor(normalisation.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(normalisation.std)[:, None, None], persistent=False)
        self.precision = torch.float32

    def reset_heads(self) -> None:
        """Set the heads to where a training starts.

        The image head is drawn from torch's random state. The text head becomes the identity where it is square: the
        text tower's own space is good already.
        """
        for layer in (self.image_head.first, self.image_head.second):
            if layer is not None:
                layer.reset_parameters()
        self.text_head.reset_parameters()
        if self.dim == self.text_tower.channels:
            nn.init.eye_(self.text_head.weight)

    def set_identity_heads(self) -> None:
        """Set the heads to the identity, for towers that end in one joint space already, as those of a CLIP do.

        Raises:
            ValueError: The towers' widths differ, or the image head has a hidden layer.
        """
        head = self.image_head
        square = (self.dim, self.dim)
        if head.second is not None or not head.first.weight.shape == self.text_head.weight.shape == square:
            raise ValueError("heads can be the identity only where both towers are as wide as the joint space")
        nn.init.eye_(head.first.weight)
        nn.init.zeros_(head.first.bias)
        nn.init.eye_(self.text_head.weight)

    def set_precision(self, precision: torch.dtype) -> None:
        """Run the towers at another precision; heads, embeddings and everything decided from them stay float32."""
        for tower in (self.image_tower, self.text_tower):
            if isinstance(tower, nn.Module):
                tower.to(precision)
        self.precision = precision

    def features(self, pixels: Tensor) -> Tensor:
        """The frozen tower's float32 features (B, C, h, w) of pixels (B, 3, H, W), uint8 or float in 0..255."""
        return self.image_tower.features(self._normalised(pixels)).float()

    def embed_whole(self, pixels: Tensor) -> Tensor | None:
        """Unit vectors (B, D) of whole images by the image tower's class token; None where it has none for words.

        Heads that were trained read patches, so that only a tower that ends in the joint space itself is asked.

        Args:
            pixels: (B, 3, H, W), as of `features`.
        """
        tower = self.image_tower
        if not (isinstance(tower, WholeImageTower) and tower.class_tokens and tower.projected):
            return None
        return F.normalize(self.image_head(tower.class_embedding(self._normalised(pixels)).float()), dim=1)

    def _normalised(self, pixels: Tensor) -> Tensor:
        """The image tower's input."""
        normalised = ((pixels.float() - self.mean) / self.std).to(self.precision)
        return normalised.contiguous(memory_format=torch.channels_last)

    def project(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w) -> patch embeddings (B, D, h, w), not normalised."""
        return self.image_head.maps(features)

    def embed_image(self, pixels: Tensor) -> Tensor:
        """Patch embeddings (B, D, h, w) of pixels (B, 3, H, W) of any size, uint8 or float in 0..255."""
        return self.project(self.features(pixels))

    def similarity_maps(self, pixels: Tensor, texts: Tensor) -> Tensor:
        """The Image-Text Similarity Maps (ITSM) of photos: cosines (B, N, h, w) in [-1, 1].

        Args:
            pixels: (B, 3, H, W) of any size, uint8 or float in 0..255.
            texts: Text embeddings (N, D).
        """
        return itsm.similarity(self.embed_image(pixels), texts)

    def project_text(self, texts: Tensor) -> Tensor:
        """Embeddings of the text tower (N, T) -> unit vectors in the joint space (N, D)."""
        return F.normalize(self.text_head(texts), dim=1)

    def attention(self, features: Tensor) -> Tensor:
        """Free attention (B, 1, h, w) in [0, 1] from the tower's features; of several maps, from the last one's."""
        tower = self.image_tower
        return attention.energy(features[:, : tower.last] if isinstance(tower, Classifier) else features)

    def trained_tensors(self) -> dict[str, Tensor]:
        """The tensors that training changes, by name: what a checkpoint holds."""
        return {name: tensor for name, tensor in self.state_dict().items() if name.split(".")[0].endswith("_head")}


class PatchEmbedder(nn.Module):
    """A model's patch embeddings as the `forward` of a module: what is exported, and what several GPUs are given.

    Args:
        model: The model.
    """

    def __init__(self, model: ICLIP):
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) -> patch embeddings (B, D, h, w)."""
        return self.model.embed_image(pixels)
