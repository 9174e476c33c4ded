"""Position embeddings for any grid of patches, from those of the square grid that a transformer was trained on."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def interpolate(table: Tensor, grid: tuple[int, int], *, class_token: bool) -> Tensor:
    """A table of position embeddings, resized to a grid.

    Bicubic, corners not aligned, without antialiasing, as transformers' own `interpolate_pos_encoding` of CLIP, SigLIP
    and DINOv2 does, so that the numbers are the same. Antialiasing would only matter on grids smaller than the trained
    one, which photos rarely have. Half precision is interpolated in single precision, as transformers does for DINOv2.

    Args:
        table: (1 + G * G, D) with a class token, (G * G, D) without one; any float dtype.
        grid: (height, width) in patches.
        class_token: Whether the first row belongs to a class token, which stays as it is.

    Returns:
        (1 + height * width, D) or (height * width, D), in the table's dtype; the table itself at its own grid.

    Raises:
        ValueError: The table is not that of a square grid, or the grid is empty.

    Example:
        >>> table = torch.arange(4.0)[:, None]  # a grid of 2 x 2
        >>> interpolate(table, (2, 2), class_token=False) is table
        True
        >>> interpolate(table, (1, 2), class_token=False).flatten().tolist()
        [1.0, 2.0]
    """
    special = int(class_token)
    patches = table[special:]
    side = math.isqrt(len(patches))
    if side * side != len(patches):
        raise ValueError(f"{len(table)} positions, {special} of them a class token's, do not make a square grid")
    if min(grid) < 1:
        raise ValueError(f"a grid of {grid} has no patches; give at least as many pixels as one patch has on each side")
    if grid == (side, side):
        return table
    precise = patches.to(torch.promote_types(table.dtype, torch.float32))
    square = precise.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(square, grid, mode="bicubic", align_corners=False)
    return torch.cat([table[:special], resized[0].flatten(1).T.to(table.dtype)])


def antialiased(table: Tensor, grid: tuple[int, int]) -> Tensor:
    """A table of position embeddings of SigLIP 2 of native shape (NaFlex), resized to a grid.

    Bilinear with antialiasing, as a grid may be smaller than the table's. The numbers are those of transformers' own
    code, which loops over the sizes in a batch and cannot be traced.

    Args:
        table: (G * G, D).
        grid: (height, width) in patches.

    Returns:
        (height * width, D), in the table's dtype.

    Example:
        >>> antialiased(torch.arange(4.0)[:, None], (1, 2)).flatten().tolist()
        [1.0, 2.0]
    """
    side = math.isqrt(len(table))
    precise = table.to(torch.promote_types(table.dtype, torch.float32))
    square = precise.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = F.interpolate(square, grid, mode="bilinear", align_corners=False, antialias=True)
    return resized[0].flatten(1).T.to(table.dtype)
