"""Local refinement: maps follow the edges of the photo.

PAMR, pixel-adaptive mask refinement (Araslanov & Roth 2020, arXiv 2005.08104, section 3.3): each pixel
takes over the maps of its neighbours, near ones and farther ones, weighted by how alike they look. No
parameters, no training.

In its authors' code the centre pixel counts for the deviation as well, and the epsilon is smaller. Masks are of the
same worth (`experiments/refinement.py`).
"""

from __future__ import annotations

import numpy as np

from freeseg.decision.maps import Maps, softmax

DILATIONS = (1, 2, 4, 8)
SHARPNESS = 10.0  # 1 / 0.1: differences are measured in tenths of the local deviation
EPSILON = 1e-3


def pamr(maps: Maps, photo: Maps, steps: int = 10, dilations: tuple[int, ...] = DILATIONS) -> Maps:
    """Refine maps along the edges of a photo.

    Args:
        maps: (N, h, w), one per label; any values, usually probabilities.
        photo: (3, h, w), the photo at the maps' size, in [0, 1].
        steps: How often neighbours are averaged; 0 gives the maps back.
        dilations: Distances to the eight neighbours.

    Returns:
        (N, h, w): every pixel a weighted mean of its neighbourhood, so values stay in the range of `maps`.

    Raises:
        ValueError: The sizes differ.

    Example:
        >>> photo = np.zeros((3, 4, 6), np.float32)
        >>> photo[:, :, 3:] = 1.0  # an edge in the middle
        >>> blurred = np.broadcast_to(np.linspace(1, 0, 6, dtype=np.float32), (1, 4, 6))
        >>> refined = pamr(blurred, photo)
        >>> bool(refined[0, 0, 2] - refined[0, 0, 3] > blurred[0, 0, 2] - blurred[0, 0, 3])
        True
    """
    if maps.shape[1:] != photo.shape[1:]:
        raise ValueError(f"maps {maps.shape} and photo {photo.shape} differ in size")
    if steps == 0:
        return maps
    weights, reach = affinity(photo, dilations), max(dilations)
    product = np.empty(maps.shape, np.float32)
    for _ in range(steps):
        wide = _continued(maps, reach)
        maps = np.zeros_like(product)
        for weight, neighbour in zip(weights, _neighbours(wide, reach, dilations), strict=True):
            np.multiply(neighbour, weight, out=product)
            maps += product
    return maps


def affinity(photo: Maps, dilations: tuple[int, ...] = DILATIONS) -> Maps:
    """How much each pixel listens to each neighbour: softmax over neighbours of minus the colour difference.

    The difference is measured in units of the colours' deviation in the neighbourhood, so that faint edges
    count in flat places.

    Args:
        photo: (3, h, w).
        dilations: Distances to the eight neighbours; beyond the border are the border's own pixels.

    Returns:
        (K, h, w) of K neighbours, with a sum of 1 over them.
    """
    reach = max(dilations)
    around = np.stack(_neighbours(_continued(photo, reach), reach, dilations), axis=1)  # (3, K, h, w)
    deviation = around.std(axis=1, keepdims=True, ddof=1) + np.float32(EPSILON)
    difference = np.abs(around - photo[:, None]) / deviation
    return softmax(np.float32(-SHARPNESS) * difference.mean(axis=0))


def _continued(maps: Maps, reach: int) -> Maps:
    """Maps continued beyond each border by `reach` of the border's own pixels."""
    return np.pad(maps, ((0, 0), (reach, reach), (reach, reach)), mode="edge")


def _neighbours(wide: Maps, reach: int, dilations: tuple[int, ...]) -> list[Maps]:
    """Views of continued maps, one for each neighbour: at a pixel's place stands that neighbour of it."""
    height, width = wide.shape[1] - 2 * reach, wide.shape[2] - 2 * reach
    steps = [(dy * d, dx * d) for d in dilations for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    return [wide[:, reach + dy :, reach + dx :][:, :height, :width] for dy, dx in steps]
