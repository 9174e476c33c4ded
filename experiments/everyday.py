"""What the model that ships finds in photos that anybody can have, by words as a user types them.

    python experiments/everyday.py --out out/everyday --wallpapers /usr/share/backgrounds

The photos come with scikit-image, scikit-learn and matplotlib, and with Debian's package lomiri-wallpapers-16.04. Each
is drawn beside its overlay; nothing is left out because it went wrong.
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

# Licences: coffee, chelsea and camera CC0; astronaut (NASA) and grace_hopper (U.S. Navy) public domain; china CC BY
# 2.0; the wallpapers CC BY 4.0.
PHOTOS = {
    "skimage/data/coffee.png": "cup, saucer, spoon, table",
    "skimage/data/chelsea.png": "cat, dog, sofa",
    "skimage/data/astronaut.png": "woman, spacesuit, flag, helmet",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg": "woman, uniform, hat, flag",
    "sklearn/datasets/images/china.jpg": "temple, tree, sky, water",
    "skimage/data/camera.png": "man, camera, lawn, sky",
}
WALLPAPERS = {
    "Wine_by_Jakkub_Mede.jpg": "table, bottle, speaker, beanbag, floor",
    "aitzgorri_by_Aitzol_Berasategi.jpg": "lawn, tree, mountain, sky",
    "Picture_0B_by_freespace.jpg": "bowl, fig",
    "friends_by_Aitzol_Berasategi.jpg": "dog, window, wall",
}
HEIGHT = 260  # of a photo in the picture
GAP = 8
LARGEST = 1024  # pixels of a photo's longer side: legends are as large in all pictures


def main(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    wallpapers: Annotated[Path, typer.Option(help="Folder of the photos of lomiri-wallpapers-16.04.")],
) -> None:
    """Segment each photo, print what was found, and draw all of them."""
    model, pairs = freeseg.load(precision="float32"), []
    photos = {photo_path(place): labels for place, labels in PHOTOS.items()}
    for path, labels in (photos | {wallpapers / name: labels for name, labels in WALLPAPERS.items()}).items():
        photo = read_photo(path)
        photo = scaled(photo, min(1, LARGEST / max(photo.size)))
        result = model.segment(photo, labels)
        typer.echo(f"{path.stem}: {', '.join(f'{name} {area:.0%}' for name, area in result.areas().items())}")
        pairs.append((photo, result.overlay()))
    write_picture(out / "everyday.jpg", sheet(pairs), "JPEG", quality=85)


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
