"""The segmentation network: a light encoder and a decoder whose patches are in its teacher's joint space.

It is an ICLIP like its teacher, with the same text side, so any words still work. Its image tower is trained as well,
on free masks, and its patches are finer. The decoder is a feature pyramid (arXiv 1612.03144) of separable convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from freeseg.models.iclip import ICLIP, TextTower
from freeseg.models.towers.efficientnet import EfficientNetLite

STRIDE = 8
WIDTH = 192
KERNEL = 5


class SegmentationTower(nn.Module):
    """Encoder and decoder: pixels -> one vector per 8 x 8 pixels.

    Args:
        encoder: Of output stride 32 (or 16); its classifier is not used and is removed.
        width: Channels of the decoder.

    Example:
        >>> import torch
        >>> tower = SegmentationTower(EfficientNetLite(0, output_stride=32)).eval()
        >>> tower.features(torch.zeros(1, 3, 65, 96)).shape
        torch.Size([1, 192, 9, 12])
    """

    def __init__(self, encoder: EfficientNetLite, *, width: int = WIDTH):
        super().__init__()
        self.stride = STRIDE
        self.channels = width
        self.encoder = encoder
        del encoder.fc
        inner = [channels for stride, (_, channels) in encoder.scales.items() if STRIDE <= stride < encoder.stride]
        self.decoder = Decoder([encoder.last, *reversed(inner)], width)

    def features(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> features (B, channels, ceil(H / 8), ceil(W / 8))."""
        features: Tensor = self.decoder(self.encoder.pyramid(pixels, STRIDE))
        return features


class Decoder(nn.Module):
    """A pyramid of maps -> one map of the finest one's size.

    Args:
        inputs: Channels of the maps, coarsest first.
        width: Channels of the result.
    """

    def __init__(self, inputs: Sequence[int], width: int):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in inputs)
        self.blocks = nn.ModuleList(SeparableBlock(width) for _ in inputs)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Maps (B, inputs[i], h_i, w_i), coarsest first -> (B, width, h, w) of the last one's size."""
        x: Tensor | None = None
        for lateral, block, level in zip(self.laterals, self.blocks, pyramid, strict=True):
            own = lateral(level)
            if x is not None:
                own = own + F.interpolate(x, own.shape[-2:], mode="bilinear", align_corners=False)
            x = block(own)
        if x is None:
            raise ValueError("a pyramid needs at least one map")
        return x


class SeparableBlock(nn.Module):
    """A depthwise convolution (neighbours mix), a pointwise one (channels mix), and the input added to the result."""

    def __init__(self, width: int):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.pointwise = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) -> (B, width, h, w)."""
        result: Tensor = x + self.pointwise(F.relu6(self.depthwise(x)))
        return result


class SegmentationNetwork(ICLIP):
    """An ICLIP whose image tower is a `SegmentationTower`, trained; the text side is its teacher's, frozen.

    Example:
        >>> import torch
        >>> from freeseg.models.towers.minilm import load_minilm
        >>> tower = SegmentationTower(EfficientNetLite(0, output_stride=32))
        >>> network = SegmentationNetwork(tower, load_minilm()).eval()
        >>> network.embed_image(torch.zeros(1, 3, 40, 33, dtype=torch.uint8)).shape
        torch.Size([1, 384, 5, 5])
    """

    def __init__(self, image_tower: SegmentationTower, text_tower: TextTower):
        super().__init__(image_tower, text_tower, text_tower.channels)

    @property
    def segmentation_tower(self) -> SegmentationTower:
        """The image tower, by its type."""
        tower = self.image_tower
        assert isinstance(tower, SegmentationTower)  # noqa: S101 - the constructor takes no other
        return tower

    def trained_tensors(self) -> dict[str, Tensor]:
        """All tensors but those of the text tower, by name: what a checkpoint holds."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("text_tower.")}
