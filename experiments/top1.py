"""ImageNet top-1 accuracy of the packaged image towers, to check that their weights are read correctly.

    python experiments/top1.py FOLDER

The folder holds one photo per class, named so that sorting by name gives the classes in order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from freeseg.models.towers.efficientnet_lite import load_efficientnet_lite
from freeseg.photos import read_photo, resize, to_array

# The side of the photos that each was trained on, in pixels.
SIDE = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}


@torch.inference_mode()
def main(
    folder: Annotated[Path, typer.Argument(help="Folder of one photo per class, in the order of the classes.")],
    output_stride: Annotated[int, typer.Option(help="Stride of the features, in pixels.")] = 32,
) -> None:
    """Print the share of photos whose class has the highest score."""
    photos = sorted(folder.glob("*.jpg"))
    for name, side in SIDE.items():
        tower, hits = load_efficientnet_lite(name, output_stride=output_stride), 0
        for index, path in enumerate(photos):
            photo = read_photo(path)
            scale = side / min(photo.size)
            wide = resize(photo, (round(photo.width * scale), round(photo.height * scale)))
            left, top = (wide.width - side) // 2, (wide.height - side) // 2
            pixels = torch.from_numpy(to_array(wide.crop((left, top, left + side, top + side))))
            logits = tower((pixels.permute(2, 0, 1)[None].float() - 127) / 128)
            hits += int(logits.argmax()) == index
        typer.echo(f"{name}: top-1 {hits / len(photos):.1%} of {len(photos)} photos at {side}x{side}")


if __name__ == "__main__":
    typer.run(main)
