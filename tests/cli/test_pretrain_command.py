"""`freeseg pretrain` through the real command line, then the model it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

import freeseg
from processes import freeseg_command
from tiny_transformers import save_clip

CAPTIONS = ["a cat", "a cup of coffee on a table", "a smiling astronaut", "a rocket at night"]


def test_captions_in_model_out(tmp_path: Path) -> None:
    folder = tmp_path / "captioned"
    (folder / "images").mkdir(parents=True)
    photos = [skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut(), skimage.data.rocket()]
    with (folder / "captions.jsonl").open("w") as lines:
        for index, (photo, caption) in enumerate(zip(photos, CAPTIONS, strict=True)):
            Image.fromarray(photo).resize((160, 120)).save(folder / "images" / f"{index}.jpg")
            lines.write(json.dumps({"file": f"{index}.jpg", "captions": [caption]}) + "\n")
    save_clip(tmp_path / "clip")  # its text tower: ImageNet's 1,000 names take the usual one half a minute
    command = ("pretrain", "captioned", "--out", "model", "--cache", "cache")
    options = (
        "--batch-size",
        4,
        "--epochs",
        2,
        "--trainings",
        2,
        "--image-tower",
        "efficientnet-lite0",
        "--text-tower",
        "clip",
    )
    done = freeseg_command(*command, *options, folder=tmp_path)
    assert done.code == 0, done.err
    assert "4 photos; their features take 0.00 GB in cache" in done.out
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {"config.json", "model.safetensors", "README.md"}
    model = freeseg.load(tmp_path / "model")
    assert model.config.training["sources"] == {"captioned": 4}
    assert model.config.training["recipe"]["trainings"] == 2
    mask = model.segment(np.asarray(photos[0]), ["cat", "cup"]).mask
    assert mask.shape == photos[0].shape[:2]
