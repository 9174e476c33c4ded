"""What the model that ships finds in photos that anybody can have, by words as a user types them.

    python experiments/everyday.py --out out/everyday

The photos come with scikit-image, scikit-learn and matplotlib. Each is drawn beside its overlay; nothing is left out
because it went wrong.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

import freeseg
from freeseg.files import write_picture
from freeseg.photos import read_photo, resize

# Licences: coffee and chelsea CC0; astronaut (NASA) and grace_hopper (U.S. Navy) public domain; china CC BY 2.0.
PHOTOS = {
    "skimage/data/coffee.png": "cup, saucer, spoon, table",
    "skimage/data/chelsea.png": "cat, dog, sofa",
    "skimage/data/astronaut.png": "woman, spacesuit, flag, helmet",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg": "woman, uniform, hat, flag",
    "sklearn/datasets/images/china.jpg": "temple, tree, sky, water",
    "skimage/data/camera.png": "man, camera, lawn, sky",
}
HEIGHT = 260  # of a photo in the picture
GAP = 8


def main(out: Annotated[Path, typer.Option(help="Folder to write to.")]) -> None:
    """Segment each photo, print what was found, and draw all of them."""
    model, pairs = freeseg.load(precision="float32"), []
    for place, labels in PHOTOS.items():
        photo = read_photo(photo_path(place))
        result = model.segment(photo, labels)
        typer.echo(f"{Path(place).stem}: {', '.join(f'{name} {area:.0%}' for name, area in result.areas().items())}")
        pairs.append((photo, result.overlay()))
    write_picture(out / "everyday.jpg", sheet(pairs), "JPEG", quality=88)


def photo_path(place: str) -> Path:
    """Where a photo of an installed package is."""
    package, _, inside = place.partition("/")
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"{package} is not installed; run: pip install scikit-image scikit-learn matplotlib")
    return Path(found.submodule_search_locations[0], inside)


def sheet(pairs: list[tuple[Image.Image, Image.Image]]) -> Image.Image:
    """Photos, each beside its overlay, two of them in a row."""
    tiles = [[scaled(each, HEIGHT / photo.height) for each in (photo, drawn)] for photo, drawn in pairs]
    rows = [[*first, *second] for first, second in zip(tiles[::2], tiles[1::2], strict=True)]
    heights = [GAP + max(tile.height for tile in row) for row in rows]
    picture = Image.new("RGB", (max(sum(GAP + tile.width for tile in row) for row in rows), sum(heights)), "white")
    for number, row in enumerate(rows):
        left = 0
        for tile in row:
            picture.paste(tile, (left, sum(heights[:number])))
            left += tile.width + GAP
    return picture


def scaled(picture: Image.Image, scale: float) -> Image.Image:
    """A picture at another size."""
    return resize(picture, (round(picture.width * scale), round(picture.height * scale)))


if __name__ == "__main__":
    typer.run(main)
