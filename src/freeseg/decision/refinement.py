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
    weights = affinity(photo, dilations).flatten(1).T.contiguous()
    values = maps.flatten(1).T.contiguous()
    for _ in range(steps):
        values = F.embedding_bag(neighbours, values, per_sample_weights=weights, mode="sum")
    return values.T.reshape(maps.shape)


def affinity(photo: Tensor, dilations: tuple[int, ...] = DILATIONS) -> Tensor:
    """How much each pixel listens to each neighbour: softmax over neighbours of minus the colour difference.

    The difference is measured in units of the colours' deviation in the neighbourhood, so that faint edges
    count in flat places.

    Args:
        photo: (3, h, w) float.
        dilations: Distances to the eight neighbours; beyond the border are the border's own pixels.

    Returns:
        (K, h, w) of K neighbours, with a sum of 1 over them.
    """
    height, width = photo.shape[1:]
    reach = max(dilations)
    wide = F.pad(photo[None], (reach,) * 4, mode="replicate")[0]
    shifted = [wide[:, reach + dy :, reach + dx :][:, :height, :width] for dy, dx in _steps(dilations)]
    around = torch.stack(shifted, dim=1)  # (3, K, h, w)
    # The standard deviation, written out: `std` is slower.
    spread = (around - around.mean(dim=1, keepdim=True)).square().sum(dim=1, keepdim=True)
    deviation = (spread / (len(shifted) - 1)).sqrt() + EPSILON
    difference = (around - photo[:, None]).abs() / deviation
    return torch.softmax(-SHARPNESS * difference.mean(dim=0), dim=0)


def _steps(dilations: tuple[int, ...]) -> list[tuple[int, int]]:
    """Rows and columns to each neighbour."""
    return [(dy * d, dx * d) for d in dilations for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


@lru_cache(maxsize=8)  # photos of a folder share a few sizes
def _neighbours(height: int, width: int, dilations: tuple[int, ...]) -> Tensor:
    """Indices of each pixel's neighbours (h * w, 8 * len(dilations)); beyond the border, the border's own pixels."""
    rows, columns = torch.arange(height)[:, None, None], torch.arange(width)[None, :, None]
    dy, dx = torch.tensor(_steps(dilations)).T
    index: Tensor = (rows + dy).clamp(0, height - 1) * width + (columns + dx).clamp(0, width - 1)
    return index.reshape(height * width, len(dy))
