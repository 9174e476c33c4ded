"""Photos to label, drawn by the tests, and what a labelling left of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from freeseg.data import PhotoSource
from freeseg.labelling import LabellingResult, label
from freeseg.labelling.photo import LabellingOptions

LABELS = "cat|kitten, dog, sofa|couch"
CAPTIONS = {
    "a.png": ["Two kittens on a couch", "a sofa"],
    "b.jpg": ["nothing that has a name here"],
    "b.png": ["a dog"],
    "sub/c.jpg": [],
}
PLAIN = ("d.png", "e.jpg")


def draw_photo(path: Path, number: int) -> Path:
    """Coloured blots, of a size of their own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(number).integers(0, 256, (3, 4 + number % 3, 3), dtype=np.uint8)
    Image.fromarray(small).resize((48 + 7 * (number % 4), 36 + 5 * (number % 3))).save(path)
    return path


def draw_photos(root: Path) -> list[Path]:
    """A folder of captioned photos, "captioned", and a plain one, "plain"."""
    for number, file in enumerate(CAPTIONS):
        draw_photo(root / "captioned" / "images" / file, number)
    lines = (json.dumps({"file": file, "captions": captions}) + "\n" for file, captions in CAPTIONS.items())
    (root / "captioned" / "captions.jsonl").write_text("".join(lines))
    for number, file in enumerate(PLAIN, start=len(CAPTIONS)):
        draw_photo(root / "plain" / file, number)
    return [root / "captioned", root / "plain"]


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run(
    sources: Sequence[PhotoSource], options: LabellingOptions, *, workers: int = 1, **others: Any
) -> LabellingResult:
    """Label photos with these options."""
    return label(
        sources,
        options.folder,
        labels=options.vocabulary,
        model=options.model,
        device=options.device,
        ignore_below=options.ignore_below,
        workers=workers,
        **others,
    )
