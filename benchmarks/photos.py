"""JPEGs to measure on, made from photos that scikit-image and scikit-learn ship."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freeseg.words import vocabulary

SIZE = (500, 375)  # the usual VOC photo
LABELS = ("person|man|woman", "cat", "dog", "cup", "tower", "flower", "tree", "sky")
QUALITY = 92
GRAIN = 5.0  # standard deviation: brings an enlarged photo to the file size of a camera's


def usual(folder: Path, count: int) -> list[Path]:
    """`count` JPEGs of the usual size, crops of five photos at about their own scale."""
    rng, sources, paths = np.random.default_rng(0), _sources(), []
    for index in range(count):
        source = sources[index % len(sources)]
        left, top = rng.uniform(0, 0.2, 2)
        box = (left * source.width, top * source.height, (left + 0.8) * source.width, (top + 0.8) * source.height)
        path = folder / f"{index:03d}.jpg"
        source.resize(SIZE, box=box).save(path, quality=QUALITY)
        paths.append(path)
    return paths


def sized(folder: Path, megapixels: float) -> Path:
    """One photo, always the same one, as a 4:3 JPEG of so many megapixels."""
    path = folder / f"{megapixels:g}.jpg"
    enlarged(_sources()[0], megapixels, shape=(4, 3)).save(path, quality=QUALITY)
    return path


def enlarged(photo: Image.Image, megapixels: float, *, shape: tuple[int, int] | None = None) -> Image.Image:
    """A photo at so many megapixels, with a camera's noise; `shape` is width to height, the photo's own if None."""
    width, height = shape or photo.size
    scale = (megapixels * 1e6 / (width * height)) ** 0.5
    large = photo.resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC)
    return Image.fromarray(_grainy(np.asarray(large)))


def words(count: int) -> list[str]:
    """`count` different labels: common words, then pairs of them."""
    common = list(vocabulary("common").names)
    return (common + [f"{first} {second}" for first in common for second in common])[:count]


def _sources() -> list[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's own
        import skimage.data  # here: who asks for words alone need not load it
        from sklearn.datasets import load_sample_images

        pixels = [skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut(), *load_sample_images().images]
    return [Image.fromarray(each) for each in pixels]


def _grainy(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels with a camera's noise: without it an enlarged photo is quicker to decode than a real one."""
    tile = np.random.default_rng(0).normal(0, GRAIN, (256, 256, 3)).round().astype(np.int16)
    rows, columns = (-(-side // 256) for side in pixels.shape[:2])
    grain = np.tile(tile, (rows, columns, 1))[: pixels.shape[0], : pixels.shape[1]]
    return np.asarray(np.clip(pixels + grain, 0, 255), dtype=np.uint8)
