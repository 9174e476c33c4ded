"""Peak memory of segmenting a huge GeoTIFF window by window, in a process of its own.

    python -m benchmarks.huge_picture --side 20000 --window 2048

draws a picture of enlarged sample photos, segments it with the embedded model and writes the mask; prints memory.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import rasterio
import skimage.data
from PIL import Image
from rasterio.transform import from_origin
from rasterio.windows import Window

import freeseg
from benchmarks.memory import in_a_process, print_peak
from freeseg.large import WindowSettings, segment_large

LABELS = "cat, cup|mug, woman|person, rocket, table, sky"
TILE = 2000  # pixels on the side of each enlarged photo


def draw(path: Path, side: int) -> None:
    """A GeoTIFF of square photos, written tile by tile."""
    photos = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
    tiles = [np.asarray(Image.fromarray(photo).resize((TILE, TILE))).transpose(2, 0, 1) for photo in photos]
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8", "tiled": True}
    place = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 0.1, 0.1)}
    with rasterio.open(path, "w", **profile, **place, photometric="RGB") as picture:
        for number, top in enumerate(range(0, side, TILE)):
            for left in range(0, side, TILE):
                tile = tiles[(number + left // TILE) % len(tiles)][:, : side - top, : side - left]
                picture.write(tile, window=Window(left, top, tile.shape[2], tile.shape[1]))


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.huge_picture", description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=2048)
    parser.add_argument("--picture", type=Path, help="segment this one; for the process that is measured")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.picture:
            model, settings = freeseg.load(), WindowSettings(asked.window, asked.window // 4)
            print_peak(lambda: segment_large(model, asked.picture, LABELS, folder, settings=settings, geojson=True))
            return
        path = Path(folder) / "huge.tif"
        draw(path, asked.side)
        size = path.stat().st_size / 1e6
        peak = in_a_process("benchmarks.huge_picture", f"--picture={path}", f"--window={asked.window}")
    above, whole = peak.cells()
    print(f"{asked.side} x {asked.side} pixels, a file of {size:.0f} MB, windows of {asked.window}:")
    print(f"{above} above the loaded model, {whole} for the whole process")


if __name__ == "__main__":
    main()
