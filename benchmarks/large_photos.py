"""Peak memory of commands on the largest photos that are read by default, in every format that writes them.

    python -m benchmarks.large_photos                      # 118 megapixels, a table in Markdown
    python -m benchmarks.large_photos --megapixels 12 --commands segment --formats jpeg,png

The photos are made by this program: a few colours in large soft shapes, as skies and walls have. Memory is the most
that a command's process had in use at once (what Linux calls its maximum resident set), with the model, its libraries
and everything else in it.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.tables import table
from freeseg.photos.limits import SHARES

LABELS = "sky, wall, tree, person"
WRITERS: dict[str, Callable[[Image.Image, Path], None]] = {
    "jpeg": lambda photo, path: photo.save(path, "JPEG", quality=85),
    "jpeg-progressive": lambda photo, path: photo.save(path, "JPEG", quality=85, progressive=True),
    "jpeg-grey": lambda photo, path: photo.convert("L").save(path, "JPEG", quality=85),
    "jpeg-cmyk": lambda photo, path: photo.convert("CMYK").save(path, "JPEG", quality=85),
    "png": lambda photo, path: photo.save(path, "PNG", compress_level=1),
    "png-transparent": lambda photo, path: _with_alpha(photo).save(path, "PNG", compress_level=1),
    "png-16-bit": lambda photo, path: _deep(photo).save(path, "PNG", compress_level=1),
    "gif": lambda photo, path: photo.quantize(64).save(path, "GIF"),
    "webp": lambda photo, path: photo.save(path, "WEBP", quality=50, method=0),
    "bmp": lambda photo, path: photo.save(path, "BMP"),
    "tiff": lambda photo, path: photo.save(path, "TIFF", compression="tiff_lzw"),
    "jpeg2000": lambda photo, path: photo.save(path, "JPEG2000", quality_mode="rates", quality_layers=[40]),
}
ENDINGS = {"jpeg2000": "jp2"}
COMMANDS: dict[str, list[str]] = {
    "segment": ["--labels", LABELS, "--out", "{out}"],
    "heatmap": ["--labels", LABELS, "--out", "{out}"],
    "label": ["--labels", LABELS, "--out", "{out}", "--workers", "1"],
}


def main() -> None:
    """Make the photos, run the commands, and print the table."""
    asked = _arguments()
    commands, formats = asked.commands.split(","), asked.formats.split(",")
    with tempfile.TemporaryDirectory() as name:
        rows = [_row(each, asked.megapixels, commands, Path(name)) for each in formats]
    print("\n".join(table(["format", "megapixels", *(f"`freeseg {each}`" for each in commands)], rows)))


def _row(kind: str, megapixels: float, commands: list[str], folder: Path) -> list[str]:
    photo = folder / kind / f"photo.{ENDINGS.get(kind, kind.partition('-')[0])}"
    photo.parent.mkdir()
    side = math.isqrt(round(megapixels * 1e6 * SHARES.get(kind.upper(), 1)))  # of some formats, fewer are read
    if os.fork() == 0:  # so that what making it takes is given back
        WRITERS[kind](_picture(side), photo)
        os._exit(0)
    os.wait()
    return [kind, f"{side * side / 1e6:.0f}", *(_told(command, photo, folder) for command in commands)]


def _told(command: str, photo: Path, folder: Path) -> str:
    given = photo.parent if command == "label" else photo
    out = folder / f"{command}-{photo.parent.name}"
    options = [option.format(out=out) for option in COMMANDS[command]]
    peak, ended = peak_of([sys.executable, "-m", "freeseg", command, str(given), *options])
    return "refused" if ended else f"{peak / 1e9:.2f} GB"


def peak_of(command: list[str]) -> tuple[int, int]:
    """The most bytes that a command and the processes that it started had in use, and how it ended."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"FREESEG_CACHE": "off"})
    _, status, used = os.wait4(process.pid, 0)
    return used.ru_maxrss * 1024, status


def _picture(side: int) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BILINEAR)


def _with_alpha(photo: Image.Image) -> Image.Image:
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    return photo


def _deep(photo: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_photos", description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=118.0)
    parser.add_argument("--formats", default=",".join(WRITERS), help="separated by commas")
    parser.add_argument("--commands", default="segment,heatmap,label", help="separated by commas")
    return parser.parse_args()


if __name__ == "__main__":
    main()
