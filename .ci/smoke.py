"""Try an installed FreeSeg as its users do: the commands in processes of their own, and Python. Needs no network.

    python .ci/smoke.py [--light]

With --light it is a fault if PyTorch is installed: then this would not show that FreeSeg works without it.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import freeseg


def draw(path: Path) -> Path:
    """A photo that has something of a field under the sky."""
    rows, noise = np.linspace(0, 1, 240)[:, None, None], np.random.default_rng(0).normal(0, 6, (240, 320, 3))
    sky, grass = np.array([90, 150, 235.0]), np.array([60, 120, 40.0])
    pixels = np.where(rows < 0.55, sky + 80 * rows, grass + 40 * (1 - rows)) + noise
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path


def run(*arguments: object) -> str:
    """What a command prints; a command that fails ends this program."""
    done = subprocess.run(
        [sys.executable, "-m", "freeseg", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        sys.exit(f"freeseg {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def commands(photo: Path, out: Path) -> None:
    """The commands that need no more than the plain installation."""
    if run("--version").split() != ["freeseg", freeseg.__version__]:
        sys.exit("freeseg --version is not freeseg.__version__")
    if "freeseg-lite" not in run("models"):
        sys.exit("freeseg models does not list freeseg-lite")
    run("segment", photo, "--labels", "sky, grass|field, person", "--out", out)
    run("heatmap", photo, "--labels", "sky, grass|field", "--out", out / "heatmaps")
    labels = json.loads((out / "photo.json").read_text("utf-8"))["labels"]
    if [label["label"] for label in labels] != ["background", "sky", "grass", "person"]:
        sys.exit(f"photo.json has other labels: {labels}")
    with Image.open(out / "photo.mask.png") as mask, Image.open(photo) as seen:
        if mask.size != seen.size:
            sys.exit(f"the mask is {mask.size}, the photo {seen.size}")


def api(photo: Path, out: Path) -> None:
    """The same in Python."""
    model = freeseg.load()
    result = model.segment(photo, ["sky", "grass|field"], background=False)
    if result.mask.shape != (240, 320) or abs(sum(result.areas().values()) - 1) > 1e-6:
        sys.exit(f"another mask than expected: {result.mask.shape}, {result.areas()}")
    result.save(out)
    (streamed,) = model.stream([photo], "sky, grass|field")
    if not isinstance(streamed, freeseg.Segmentation):
        sys.exit(f"stream gives {streamed!r}")


def main() -> None:
    """Try everything in a temporary folder."""
    if "--light" in sys.argv and importlib.util.find_spec("torch"):
        sys.exit("PyTorch is installed here")
    with tempfile.TemporaryDirectory() as folder:
        photo = draw(Path(folder) / "photo.png")
        commands(photo, Path(folder) / "out")
        api(photo, Path(folder) / "python")
    print(f"FreeSeg {freeseg.__version__} works with Python {platform.python_version()} on {platform.system()}")


if __name__ == "__main__":
    main()
