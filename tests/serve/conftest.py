"""Servers in threads: one of the embedded model and one of the tiny model, for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from freeseg.loading import on_torch
from freeseg.models import Config, Preprocessing, TowerPair
from freeseg.pipeline import FreeSeg
from serving import Serving, png, serving
from tiny import tell_patches_apart, tiny_iclip


@pytest.fixture(scope="session")
def small() -> FreeSeg:
    """The tiny model, one for all servers: right shapes, meaningless masks, a millisecond a photo."""
    config = Config("tiny", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(64))
    return on_torch(tell_patches_apart(tiny_iclip()), config)


@pytest.fixture(scope="session")
def server(embedded: FreeSeg) -> Iterator[Serving]:
    """A server of the embedded model."""
    with serving(embedded) as running:
        yield running


@pytest.fixture(scope="session")
def quick(small: FreeSeg) -> Iterator[Serving]:
    """A server of the tiny model, with the usual limits."""
    with serving(small) as running:
        yield running


@pytest.fixture(scope="session")
def cat(cat_photo: Image.Image) -> bytes:
    """Chelsea the cat, as the bytes of a PNG file."""
    return png(cat_photo)


@pytest.fixture(scope="session")
def noise() -> bytes:
    """A small photo of noise."""
    return png(Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8)))
