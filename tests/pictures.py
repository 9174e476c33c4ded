"""Pictures for the tests of reading: of every kind, and what comes of them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from freeseg.errors import PhotoError
from freeseg.photos import Photo, read_photo, to_array

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)  # not square, no symmetry
GREYS = np.ascontiguousarray(COLOURS[:, :, 0])
WIDE = np.array([[0, 256, 257, 32896, 65407, 65535]], np.uint16)
NARROW = np.round(WIDE / 257).astype(np.uint8)
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this pillow was built without AVIF")

# Independent of pillow: the stored array that, seen with this orientation, shows the upright one.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),  # a viewer turns it clockwise, so it is stored turned anticlockwise
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def pixels(photo: Photo) -> np.ndarray:
    picture = read_photo(photo)
    assert picture.mode == "RGB"
    return to_array(picture)


def refusal(photo: object) -> str:
    """The message of the PhotoError that reading must raise: one line."""
    with pytest.raises(PhotoError) as caught:
        read_photo(photo)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def png(width: int, height: int, bits: int, colour: int, rows: bytes, transparent: bytes = b"") -> bytes:
    """A PNG made by hand, for what pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = (chunk(b"tRNS", transparent) if transparent else b"") + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    """A picture of random pixels."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


# Texts that a picture, a file or a terminal may stumble over.
ODD_TEXTS = {
    "emoji": "cat 😀👩‍👩‍👧",
    "long": "x" * 10_000,
    "hebrew": "שלום עולם",
    "arabic with marks": "\u202e\u0645\u0631\u062d\u0628\u0627\u200f",
    "newlines": "a\n\n\tb\r\n",
    "controls": "\0\x1b[31m",
    "half a surrogate": "a\ud800b",
    "stacked marks": "Z" + "\u0337\u0328" * 100,
    "empty": "",
    "japanese": "日本語",
}
