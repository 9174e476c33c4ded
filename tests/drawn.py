"""A dataset in PASCAL VOC's layout, drawn by the test itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"one": (40, 56), "two": (33, 48), "three": (36, 36)}  # (height, width)
INDICES = {"one": (0, 8, 12), "two": (0, 15, 20), "three": (8, 3, 0)}  # in each mask; 255 comes on top


def draw_voc(root: Path, copies: int = 1) -> Path:
    """Three photos of noise and their masks, quarters of three indices and of 255; more of them on request."""
    random = np.random.default_rng(3)
    for folder in ("JPEGImages", "SegmentationClass"):
        (root / folder).mkdir(parents=True)
    names = [name if copy == 0 else f"{name}-{copy}" for copy in range(copies) for name in SIZES]
    for name in names:
        kind = name.partition("-")[0]
        height, width = SIZES[kind]
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{name}.jpg")
        mask = np.full((height, width), 255, np.uint8)
        half = height // 2, width // 2
        mask[: half[0], : half[1]], mask[: half[0], half[1] :], mask[half[0] :, : half[1]] = INDICES[kind]
        Image.fromarray(mask).save(root / "SegmentationClass" / f"{name}.png")
    (root / "val.txt").write_text("\n".join(names))
    return root


def redraw_mask(root: Path, name: str, mask: np.ndarray) -> Path:
    """Put another mask in the place of one; gives its path."""
    path = root / "SegmentationClass" / f"{name}.png"
    Image.fromarray(mask.astype(np.uint8)).save(path)
    return path


def bilinear(grid: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Bilinear resize of a 2-D grid, corners not aligned, borders repeated: a formula of its own, for comparison."""
    for axis, target in enumerate(size):
        source = grid.shape[axis]
        position = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, source - 1)
        share = np.expand_dims(position - low, 1 - axis)
        grid = np.take(grid, low, axis) * (1 - share) + np.take(grid, high, axis) * share
    return grid
