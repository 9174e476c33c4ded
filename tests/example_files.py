"""The files that examples name, in the documentation and in the help of the commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import rasterio
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin


def draw_example_files(root: Path, *, photos: int = 18) -> Path:
    """Photos, a captioned folder, and a folder of photos with masks; gives the folder that they are in."""
    samples = {"photo": skimage.data.astronaut(), "cat": skimage.data.chelsea(), "more": skimage.data.coffee()}
    small = {name: _shrunk(pixels) for name, pixels in samples.items()}
    for name, photo in small.items():
        photo.save(root / f"{name}.jpg")
        _saved(photo, root / "set" / "images" / f"{name}.jpg")
    for name in ("holiday/beach", "holiday/day-2/harbour", "new/one"):
        _saved(small["more"], root / f"{name}.jpg")
    for index in range(photos):  # by default a batch of sixteen, and some to keep aside
        photo, left, top = [*small.values()][index % 3], 3 * index, 2 * index
        _saved(photo.crop((left, top, left + 120, top + 90)), root / "photos" / f"{index:02}.jpg")
    _with_frames(root, [photo.crop((0, 0, 120, 96)) for photo in small.values()])
    _with_field(root / "field.tif", small["more"])
    (root / "names.txt").write_text("cat.jpg\nholiday\n", "utf-8")
    captioned = root / "captioned"
    lines = [{"file": f"{name}.jpg", "captions": [f"a photo of a {name}"]} for name in small]
    for name, photo in small.items():
        _saved(photo, captioned / "images" / f"{name}.jpg")
    (captioned / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    _with_masks(root / "measured", small)
    return root


def _shrunk(pixels: NDArray[np.uint8]) -> Image.Image:
    photo = Image.fromarray(np.asarray(pixels)).convert("RGB")
    photo.thumbnail((200, 200))
    return photo


def _saved(photo: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    photo.save(path)


def _with_frames(folder: Path, photos: Sequence[Image.Image]) -> None:
    """An animation and a video."""
    photos[0].save(folder / "clip.gif", save_all=True, append_images=photos[1:])
    with av.open(folder / "clip.mp4", "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height = photos[0].size
        frames = [av.VideoFrame.from_image(photo) for photo in photos for _ in range(4)]
        file.mux([packet for frame in [*frames, None] for packet in stream.encode(frame)])


def _with_field(path: Path, photo: Image.Image) -> None:
    """A GeoTIFF."""
    place = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 0.5, 0.5)}
    profile = {"driver": "GTiff", "width": photo.width, "height": photo.height, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile, **place) as picture:
        picture.write(np.asarray(photo).transpose(2, 0, 1))


def _with_masks(folder: Path, photos: dict[str, Image.Image]) -> None:
    """A folder as `--dataset folder` reads it: photos, masks of two classes, and the classes' names."""
    for name, photo in photos.items():
        _saved(photo, folder / "JPEGImages" / f"{name}.jpg")
        mask = np.zeros(photo.size[::-1], np.uint8)
        mask[40:90, 40:120] = 1
        _saved(Image.fromarray(mask), folder / "SegmentationClass" / f"{name}.png")
    (folder / "val.txt").write_text("".join(f"{name}\n" for name in photos), "utf-8")
    (folder / "classes.json").write_text(json.dumps({"classes": ["cat", "sofa|couch"], "background": True}), "utf-8")
