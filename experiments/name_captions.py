"""Write captions for photos of ImageNet classes from the names of the classes.

`freeseg label` then knows which labels are in each photo.

    python experiments/name_captions.py images_imagenet_sample --out images_imagenet_named

The folder holds photos named SYNSET_class_name.jpg. The caption folder links to it; nothing is copied.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from freeseg.errors import DataError
from freeseg.files import write_text
from freeseg.training.teacher.words import imagenet_classes


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of photos named SYNSET_class_name.jpg.")],
    out: Annotated[Path, typer.Option(help="Caption folder to write.")],
) -> None:
    """Write a caption folder with, for each photo, captions such as "a photo of a Chihuahua" and "a photo of a dog"."""
    photos, kinds = sorted(folder.glob("*_*.jpg")), dict(imagenet_classes())
    if not photos:
        raise DataError(f"{folder} has no photo called SYNSET_class_name.jpg")
    lines = []
    for photo in photos:
        name = photo.stem.partition("_")[2].replace("_", " ")
        # ImageNet's list writes names that mean two things (crane) in another way, so they have no kind here.
        captions = [f"a photo of a {word}" for word in dict.fromkeys([name, kinds.get(name, name)])]
        lines.append(json.dumps({"file": photo.name, "captions": captions}))
    out.mkdir(parents=True, exist_ok=True)
    link = out / "images"
    if not link.is_symlink():
        link.symlink_to(folder.resolve(), target_is_directory=True)
    write_text(out / "captions.jsonl", "\n".join(lines) + "\n")


if __name__ == "__main__":
    typer.run(main)
