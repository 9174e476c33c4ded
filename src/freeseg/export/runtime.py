"""An ONNX file beside the graph in PyTorch that it was made from: how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.engines.onnx_engine import Session
from freeseg.export.graph import Graph


@torch.no_grad()
def difference(graph: Graph, session: Session, others: tuple[Tensor, ...], short_side: int, stride: int) -> float:
    """The largest difference of any output between PyTorch and onnxruntime, on photos of two sizes.

    One photo at the model's own size, and two different ones of a few patches, whose sides are no multiples of one.

    Args:
        graph: In PyTorch.
        session: The same, exported.
        others: Inputs after the pixels.
        short_side: Of photos, as the model wants them.
        stride: Pixels a patch.

    Returns:
        The difference; infinite if the outputs are not of one shape.

    Raises:
        FreeSegError: The exported graph does not run.
    """
    found = 0.0
    for batch, height, width in ((1, short_side, short_side * 4 // 3), (2, 5 * stride + 1, 3 * stride - 1)):
        pixels = blurred_noise(batch, height, width)
        expected = graph(pixels, *others).numpy()
        output = session(*(each.numpy() for each in (pixels, *others)))
        if output.shape != expected.shape:
            return float("inf")
        found = max(found, float(np.abs(output - expected).max()))
    return found


def agreement(graph: Graph, session: Session, inputs: Sequence[tuple[Tensor, ...]]) -> float:
    """The share of patches, in [0, 1], for which PyTorch and onnxruntime choose the same of the words."""
    with torch.no_grad():
        same = [
            graph(*each).numpy().argmax(axis=1) == session(*(part.numpy() for part in each)).argmax(axis=1)
            for each in inputs
        ]
    return float(np.concatenate([each.ravel() for each in same]).mean())


def blurred_noise(batch: int, height: int, width: int) -> Tensor:
    """Pictures (B, 3, height, width) float32 in 0..255 that have something to see everywhere, always the same ones."""
    noise = torch.rand(batch, 3, -(-height // 12), -(-width // 12), generator=torch.Generator().manual_seed(0))
    return 255 * F.interpolate(noise, (height, width), mode="bilinear")
