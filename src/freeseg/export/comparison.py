"""How far the output of an ONNX file is from that of the PyTorch graph that it was made from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.engines.onnx_session import Session
from freeseg.export.graph import Graph


@torch.no_grad()
def largest_difference(
    graph: Graph, session: Session, others: tuple[Tensor, ...], *, short_side: int, stride: int
) -> float:
    """The largest difference of any output between PyTorch and onnxruntime, on photos of two sizes.

    The photos are one of the model's own size, and a batch of two with a few patches, whose sides are not multiples of
    a patch.

    Args:
        graph: The graph in PyTorch.
        session: The same graph, exported.
        others: The graph's inputs after the pixels.
        short_side: The shorter side of photos, in pixels, as the model sees them.
        stride: The side of a patch, in pixels.

    Returns:
        The difference; infinite if the outputs have different shapes.

    Raises:
        FreeSegError: The exported graph does not run.
    """
    largest = 0.0
    for batch, height, width in ((1, short_side, short_side * 4 // 3), (2, 5 * stride + 1, 3 * stride - 1)):
        pixels = blurred_noise(batch, height, width)
        expected = graph(pixels, *others).numpy()
        output = session(*(each.numpy() for each in (pixels, *others)))
        if output.shape != expected.shape:
            return float("inf")
        largest = max(float(np.abs(output - expected).max()), largest)  # NaN, if it is, stays: it comes first
    return largest


def agreement(graph: Graph, session: Session, inputs: Sequence[tuple[Tensor, ...]]) -> float:
    """The share of patches, in [0, 1], for which PyTorch and onnxruntime choose the same word."""
    with torch.no_grad():
        same = [
            graph(*each).numpy().argmax(axis=1) == session(*(part.numpy() for part in each)).argmax(axis=1)
            for each in inputs
        ]
    return float(np.concatenate([each.ravel() for each in same]).mean())


def blurred_noise(batch: int, height: int, width: int) -> Tensor:
    """Pictures of blurred noise (B, 3, height, width), float32 in 0..255, the same at each call."""
    noise = torch.rand(batch, 3, -(-height // 12), -(-width // 12), generator=torch.Generator().manual_seed(0))
    return 255 * F.interpolate(noise, (height, width), mode="bilinear")
