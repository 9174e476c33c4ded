"""Local refinement: maps follow the edges of the photo.

PAMR, pixel-adaptive mask refinement (Araslanov & Roth 2020, arXiv 2005.08104, section 3.3): each pixel
takes over the maps of its neighbours, near ones and farther ones, weighted by how alike they look. No
parameters, no training. A step is one weighted sum of neighbours, which embedding bags do without a copy
of every neighbour's values.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

DILATIONS = (1, 2, 4, 8)
SHARPNESS = 10.0  # 1 / 0.1: differences are measured in tenths of the local deviation
EPSILON = 1e-3


def pamr(maps: Tensor, photo: Tensor, steps: int = 10, dilations: tuple[int, ...] = DILATIONS) -> Tensor:
    """Refine maps along the edges of a photo.

    Args:
        maps: (N, h, w) float, one per label; any values, usually probabilities.
        photo: (3, h, w) float, the photo at the maps' size, in [0, 1].
        steps: How often neighbours are averaged; 0 gives the maps back.
        dilations: Distances to the eight neighbours.

    Returns:
        (N, h, w): every pixel a weighted mean of its neighbourhood, so values stay in the range of `maps`.

    Raises:
        ValueError: The sizes differ.

    Example:
        >>> photo = torch.zeros(3, 4, 6)
        >>> photo[:, :, 3:] = 1.0  # an edge in the middle
        >>> blurred = torch.linspace(1, 0, 6).expand(1, 4, 6)
        >>> refined = pamr(blurred, photo)
        >>> bool(refined[0, 0, 2] - refined[0, 0, 3] > blurred[0, 0, 2] - blurred[0, 0, 3])
        True
    """
    if maps.shape[1:] != photo.shape[1:]:
        raise ValueError(f"maps {tuple(maps.shape)} and photo {tuple(photo.shape)} differ in size")
    if steps == 0:
        return maps
    height, width = maps.shape[1:]
    neighbours = _neighbours(height, width, dilations).to(maps.device)
    weights = affinity(photo.flatten(1), neighbours)
    values = maps.flatten(1).T.contiguous()
    for _ in range(steps):
        values = F.embedding_bag(neighbours, values, per_sample_weights=weights, mode="sum")
    return values.T.reshape(maps.shape)


def affinity(colours: Tensor, neighbours: Tensor) -> Tensor:
    """How much each pixel listens to each neighbour: softmax over neighbours of minus the colour difference.

    The difference is measured in units of the colours' deviation in the neighbourhood, so that faint edges
    count in flat places.

    Args:
        colours: (3, P).
        neighbours: (P, K) int64, indices of pixels.

    Returns:
        (P, K), rows summing to 1.
    """
    around = colours[:, neighbours]  # (3, P, K)
    deviation = around.std(dim=2, keepdim=True) + EPSILON
    difference = (around - colours[:, :, None]).abs() / deviation
    return torch.softmax(-SHARPNESS * difference.mean(dim=0), dim=1)


@lru_cache(maxsize=8)  # photos of a folder share a few sizes
def _neighbours(height: int, width: int, dilations: tuple[int, ...]) -> Tensor:
    """Indices of each pixel's neighbours (h * w, 8 * len(dilations)); beyond the border, the border's own pixels."""
    rows, columns = torch.arange(height)[:, None, None], torch.arange(width)[None, :, None]
    steps = [(dy * d, dx * d) for d in dilations for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    dy, dx = torch.tensor(steps).T
    index: Tensor = (rows + dy).clamp(0, height - 1) * width + (columns + dx).clamp(0, width - 1)
    return index.reshape(height * width, len(steps))
