"""Captions for one photo per ImageNet class, of the class's name: `freeseg label` then knows what each photo shows.

    python experiments/name_captions.py images_imagenet_sample --out images_imagenet_named

The folder holds one photo per class, named so that sorting gives the classes in order. The photos are linked, not
copied.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from freeseg.errors import DataError
from freeseg.files import write_text
from freeseg.training.words import imagenet_classes


def main(folder: Annotated[Path, typer.Argument()], out: Annotated[Path, typer.Option()]) -> None:
    """Write a caption folder: the photos, and "a photo of a Chihuahua", "a photo of a dog" for each."""
    photos, classes = sorted(folder.glob("*.jpg")), imagenet_classes()
    if len(photos) != len(classes):
        raise DataError(f"{folder} has {len(photos)} photos, not one for each of {len(classes)} classes")
    lines = [
        json.dumps({"file": photo.name, "captions": [f"a photo of a {name}" for name in dict.fromkeys(names)]})
        for photo, names in zip(photos, classes, strict=True)
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "images").symlink_to(folder.resolve(), target_is_directory=True)
    write_text(out / "captions.jsonl", "\n".join(lines) + "\n")


if __name__ == "__main__":
    typer.run(main)
