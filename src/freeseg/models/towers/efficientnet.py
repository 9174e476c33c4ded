"""The architecture of EfficientNet-Lite.

EfficientNet (Tan & Le 2019, arXiv 1905.11946) in its "Lite" form: no squeeze-and-excitation, ReLU6, stem
and head not scaled. It can be dilated so that the last stage keeps stride 16 (DeepLab, arXiv 1606.00915).
Batch norms are folded into the convolutions when the weights are read, which halves the number of layers
of a frozen tower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH_NORM_EPS = 1e-3


class Stage(NamedTuple):
    """One row of the architecture table: `repeats` inverted bottlenecks of the same width."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
CLASSES = 1000
# variant -> (width multiplier, depth multiplier)
SCALING = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}


def scaled_stages(variant: int) -> list[Stage]:
    """The stages of a variant: all are scaled in width, and all but the first and the last in depth."""
    width, depth = SCALING[variant]
    stages = []
    for index, stage in enumerate(STAGES):
        inner = 0 < index < len(STAGES) - 1
        repeats = math.ceil(stage.repeats * depth) if inner else stage.repeats
        stages.append(stage._replace(repeats=repeats, channels=_round_to_eight(stage.channels * width)))
    return stages


def _round_to_eight(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, for any input size.

    At stride 1 the padding is even, so the convolution pads by itself. At stride 2 the padding depends on the size, and
    there is more of it at the bottom and on the right.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1):
        even = dilation * (kernel // 2) if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, even, dilation, groups, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride))."""
        stride, kernel = self.stride[0], self.kernel_size[0]
        if kernel >= stride > 1:  # a kernel of 1 needs no padding
            # ceil(n / stride) as (n - 1) // stride + 1: torch.export can trace whole numbers, for any n >= 1.
            pad = [(n - 1) // stride * stride + kernel - n for n in x.shape[-2:]]
            x = F.pad(x, (pad[1] // 2, pad[1] - pad[1] // 2, pad[0] // 2, pad[0] - pad[0] // 2))
        return super().forward(x)


def relu6(x: Tensor) -> Tensor:
    """`min(max(x, 0), 6)`, in place where that is free.

    Not while a model is exported: torch.export takes work in place apart, and that doubled the time of an export.
    """
    return F.relu6(x, inplace=not torch.compiler.is_exporting())


class InvertedBottleneck(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1, with a residual where the shapes allow it (MBConv)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, dilation: int, skip: bool):
        super().__init__()
        hidden = inputs * expansion
        self.expand_conv = SameConv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise_conv = SameConv(hidden, hidden, kernel, stride, dilation, groups=hidden)
        self.project_conv = SameConv(hidden, outputs, 1)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride))."""
        y = x
        if self.expand_conv is not None:
            y = relu6(self.expand_conv(y))
        y = relu6(self.depthwise_conv(y))
        y = self.project_conv(y)
        result: Tensor = x + y if self.skip else y
        return result


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite with its ImageNet classifier.

    Args:
        variant: 0, 1 or 2.
        output_stride: 32 (as trained, for classification) or 16 (dilated, for dense features).
        stages: The architecture table; None for the variant's own.
        head_channels: Width of the last convolution.
        classes: How many classes the classifier has.
        multilevel: Whether the features hold two earlier maps as well, behind the last one. The last convolution knows
            ImageNet's classes best; the earlier maps say more about everything else.

    Attributes:
        channels: Width of the features.
        stride: The output stride.
        last: How many channels, at the front of the features, belong to the last map, which the classifier reads.
        scales: Stride -> the last block of that stride, and its channels.

    Example:
        >>> tower = EfficientNetLite(0).eval()
        >>> tower.features(torch.zeros(1, 3, 65, 96)).shape
        torch.Size([1, 1280, 5, 6])
    """

    def __init__(
        self,
        variant: int = 2,
        *,
        output_stride: int = 16,
        stages: list[Stage] | None = None,
        head_channels: int = HEAD_CHANNELS,
        classes: int = CLASSES,
        multilevel: bool = False,
    ):
        super().__init__()
        if output_stride not in (16, 32):
            raise ValueError(f"output_stride is {output_stride}; it must be 16 or 32")
        if multilevel and output_stride != 16:
            raise ValueError("the earlier maps are of stride 16: multilevel needs output_stride 16")
        self.last = head_channels
        self.stride = output_stride
        self.conv_stem = SameConv(3, STEM_CHANNELS, 3, stride=2)
        blocks, inputs, reached, dilation = [], STEM_CHANNELS, 2, 1
        ends = {}  # last block of each stage -> its channels
        self.scales: dict[int, tuple[int, int]] = {}
        for stage in stages or scaled_stages(variant):
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                own_dilation = dilation
                if reached * stride > output_stride:
                    dilation, stride = dilation * stride, 1
                reached *= stride
                skip = repeat > 0
                blocks.append(
                    InvertedBottleneck(
                        inputs, stage.channels, stage.kernel, stride, stage.expansion, own_dilation, skip
                    )
                )
                inputs = stage.channels
            ends[len(blocks) - 1] = inputs
            self.scales[reached] = (len(blocks) - 1, inputs)
        self.blocks = nn.ModuleList(blocks)
        # The ends of the last stage and of the third one from the end, which have one stride.
        self.levels = [list(ends)[-3], list(ends)[-1]] if multilevel else []
        self.channels = head_channels + sum(ends[level] for level in self.levels)
        self.conv_head = SameConv(inputs, head_channels, 1)
        self.fc = nn.Linear(head_channels, classes)

    def features(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> features (B, channels, ceil(H / stride), ceil(W / stride))."""
        x = relu6(self.conv_stem(pixels))
        earlier = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.levels:
                earlier.append(x)
        last = relu6(self.conv_head(x))
        return torch.cat([last, *earlier], dim=1) if earlier else last

    def pyramid(self, pixels: Tensor, finest: int) -> list[Tensor]:
        """Normalised pixels (B, 3, H, W) -> maps of stride `finest` to `stride`, coarsest first.

        Each is the last map of its stride; the coarsest is the last convolution's, with `last` channels.
        """
        x = relu6(self.conv_stem(pixels))
        ends = {block for stride, (block, _) in self.scales.items() if finest <= stride < self.stride}
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in ends:
                maps.append(x)
        return [relu6(self.conv_head(x)), *reversed(maps)]

    def freeze(self, stride: int) -> None:
        """Exclude all layers up to a stride from training; 0 excludes none."""
        last = max((block for reached, (block, _) in self.scales.items() if reached <= stride), default=-1)
        self.conv_stem.requires_grad_(last < 0)
        for index, block in enumerate(self.blocks):
            block.requires_grad_(index > last)

    def classify(self, features: Tensor) -> Tensor:
        """ImageNet logits of feature vectors on the last axis: (..., channels) -> (..., classes)."""
        last = features[..., : self.last]
        return F.linear(last, self.fc.weight.to(features.dtype), self.fc.bias.to(features.dtype))

    def forward(self, pixels: Tensor) -> Tensor:
        """ImageNet logits (B, classes) of normalised pixels (B, 3, H, W)."""
        return self.classify(self.features(pixels).mean(dim=(2, 3)))


def fold_batch_norms(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published state dict (`_blocks.0._bn1...`) -> this module's (convolutions with a bias).

    A batch norm after a convolution is `(conv(x) - mean) * gamma / sqrt(var + eps) + beta`, so its
    scale goes into the convolution's weight and the rest into its bias.
    """
    folded = {"fc.weight": weights["_fc.weight"], "fc.bias": weights["_fc.bias"]}
    for key, weight in weights.items():
        if not key.endswith(".weight") or "conv" not in key:
            continue
        norm = _norm_of(key)
        scale = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + BATCH_NORM_EPS)
        name = key.removesuffix(".weight").replace("_blocks", "blocks").replace("._", ".").removeprefix("_")
        folded[f"{name}.weight"] = weight * scale[:, None, None, None]
        folded[f"{name}.bias"] = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return folded


def _norm_of(conv: str) -> str:
    """The name of the batch norm that follows a convolution in the published state dict."""
    for suffix, norm in {
        "_conv_stem.weight": "_bn0",
        "_conv_head.weight": "_bn1",
        "_expand_conv.weight": "_bn0",
        "_depthwise_conv.weight": "_bn1",
        "_project_conv.weight": "_bn2",
    }.items():
        if conv.endswith(suffix):
            return conv.removesuffix(suffix) + norm
    raise KeyError(f"{conv} is not a convolution of EfficientNet-Lite")
