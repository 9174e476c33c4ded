"""How much masks change because a large JPEG is decoded at a reduced scale for the model.

    python -m benchmarks.reduced_decoding --photos FOLDER

makes every photo of the folder a JPEG of 12 megapixels, segments it in float32 as it is read by default and as it is
read in full, and prints the share of pixels that have the same label in both masks.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median

import numpy as np

import freeseg
from benchmarks.photos import LABELS, QUALITY, enlarged
from freeseg.photos import find_photos, read_photo

MEGAPIXELS = 12.0


def agreements(model: freeseg.FreeSeg, paths: Sequence[Path], *, megapixels: float = MEGAPIXELS) -> list[float]:
    """For each photo, the share of pixels with the same label in both masks."""
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            large = Path(folder, "large.jpg")
            enlarged(read_photo(path), megapixels).save(large, quality=QUALITY)
            reduced = model.segment(large, LABELS).mask
            full = model.segment(read_photo(large), LABELS).mask  # a picture that is decoded already
            shares.append(float(np.mean(reduced == full)))
    return shares


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reduced_decoding", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--limit", type=int, default=40, help="how many of them (default 40)")
    arguments = parser.parse_args()
    paths = [found.path for found in find_photos([arguments.photos])][: arguments.limit]
    shares = agreements(freeseg.load(precision="float32"), paths)
    print(f"{len(shares)} photos at {MEGAPIXELS:g} megapixels, {len(LABELS)} labels")
    print(f"same label: mean {mean(shares):.2%}, median {median(shares):.2%}, lowest {min(shares):.2%} of the pixels")


if __name__ == "__main__":
    main()
