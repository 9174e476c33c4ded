"""How near the files that run without PyTorch are to PyTorch, how large they are, and how long words take.

    python experiments/light_files.py --voc VOC_FOLDER --captions CAPTION_FOLDER

The folder is in the layout of VOC 2012. The captions are texts to compare only.
"""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import freeseg
from freeseg.data import open_sources
from freeseg.data.segmentation import open_dataset
from freeseg.evaluation import evaluate
from freeseg.evaluation.protocols import Protocol
from freeseg.evaluation.report.markdown_table import table
from freeseg.export.text import checked_texts, compare
from freeseg.models import EMBEDDED
from freeseg.models.onnx_files import TEXT, text_tower_folder
from freeseg.models.towers.minilm import NAME, load_minilm
from freeseg.photos import read_photo
from freeseg.pipeline import FreeSeg
from freeseg.system import CACHE, NO_CACHE
from freeseg.words import TEMPLATES, vocabulary

SETS = ("voc20", "voc21")
PROTOCOL = Protocol("freeseg")
LABELS = 1000
CAPTIONS = 2000
ENGINES = {
    "PyTorch, float32": {"engine": "torch"},
    "onnxruntime, float32": {"engine": "onnxruntime", "precision": "float32"},
    "onnxruntime, int8": {"engine": "onnxruntime", "precision": "int8"},
}
ODD = [
    "",
    "!",
    "12345",
    "???!!!",
    "a",
    "猫",
    "🐱 cat",
    "çà et là",
    "CAT",
    "x" * 500,
    "photo " * 200,
    "http://example.org/a?b=c",
    "the the the the",
    "_-_-_",
    "zxqv wvut",
]


def main(
    voc: Annotated[Path, typer.Option(help="Folder in the layout of VOC 2012.")],
    captions: Annotated[list[Path], typer.Option(help="Folders of photos with captions.")],
    threads: Annotated[int, typer.Option(help="How many threads words and photos may use.")] = 2,
) -> None:
    """Print tables of sizes, of texts, of the time of words, and of masks."""
    os.environ[CACHE] = NO_CACHE[0]  # words are computed, not read
    for step in (sizes, lambda: texts(captions), lambda: words(threads), lambda: masks(voc, threads)):
        typer.echo("\n".join(step()) + "\n")


def sizes() -> list[str]:
    """The files in bytes, and what all of them take in a wheel."""
    folder = Path(str(resources.files("freeseg").joinpath("weights")))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path)
    rows = [[path.relative_to(folder).as_posix(), f"{path.stat().st_size:,}"] for path in files]
    return table(["file", "bytes"], [*rows, ["all, compressed", f"{len(packed.getbuffer()):,}"]])


def texts(captions: list[Path]) -> list[str]:
    """Cosines of the text tower's embeddings with those of PyTorch."""
    folder = text_tower_folder(NAME)
    if folder is None:
        raise SystemExit("the files of the text tower are not in the package")
    tower = load_minilm()
    classes = vocabulary_of_imagenet()
    kinds = {
        "labels and background words, in their templates": checked_texts(),
        "ImageNet's classes, in their templates": [each.replace("{}", word) for word in classes for each in TEMPLATES],
        "captions": list(dict.fromkeys(all_captions(captions)))[:CAPTIONS],
        "odd texts": ODD,
    }
    rows = []
    for kind, some in kinds.items():
        found = compare(tower, folder / TEXT, some)
        rows.append([kind, f"{found.texts:,}", f"{found.smallest:.5f}", f"{found.mean:.6f}"])
    return table(["texts", "number", "smallest cosine", "mean"], rows)


def all_captions(folders: list[Path]) -> Iterator[str]:
    """Captions, one of each photo after the other."""
    for source in open_sources(folders):
        for photo in source:
            yield from photo.captions


def vocabulary_of_imagenet() -> list[str]:
    """A thousand names."""
    text = resources.files("freeseg.words").joinpath("imagenet.txt").read_text(encoding="utf-8")
    names = [line.split("|")[0].split(",")[0].strip() for line in text.splitlines() if not line.startswith("#")]
    return [name for name in names if name][:LABELS]


def words(threads: int) -> list[str]:
    """Seconds to load the text side and embed one label, and then a thousand, in the default templates."""
    rows = []
    for name in ("onnxruntime, int8", "PyTorch, float32"):
        start = time.perf_counter()
        model = freeseg.load(threads=threads, **ENGINES[name])  # type: ignore[arg-type]
        model.engine.embed_words(["warthog"], TEMPLATES)
        first = time.perf_counter() - start
        start, spent = time.perf_counter(), time.process_time()
        model.engine.embed_words(vocabulary_of_imagenet(), TEMPLATES)
        took, spent = time.perf_counter() - start, time.process_time() - spent
        rows.append([name, f"{first:.2f}", f"{took:.1f}", f"{spent:.1f}"])
    return table(["engine", "loaded, one label", f"{LABELS:,} labels", "of it, processor time"], rows)


def masks(voc: Path, threads: int) -> list[str]:
    """mIoU of each model and engine, and the pixels that are as in PyTorch."""
    rows = []
    for name in EMBEDDED:
        models = {engine: freeseg.load(name, threads=threads, **wish) for engine, wish in ENGINES.items()}  # type: ignore[arg-type]
        expected = None
        for engine, model in models.items():
            scores = [evaluate(model, open_dataset(each, voc), PROTOCOL).numbers()["mIoU"].value for each in SETS]
            found = decided(model, voc)
            expected = found if expected is None else expected
            same = np.mean(np.concatenate([a.ravel() == b.ravel() for a, b in zip(found, expected, strict=True)]))
            rows.append([name, engine, *(f"{score:.1f}" for score in scores), f"{100 * same:.3f}"])
    return table(["model", "engine", *SETS, "% of pixels as in PyTorch"], rows)


def decided(model: FreeSeg, voc: Path) -> list[np.ndarray]:
    """The masks of all photos, for the labels of the second set."""
    labels = vocabulary(SETS[-1])
    return [model.segment(read_photo(item.photo), labels).mask for item in open_dataset(SETS[-1], voc).items]


if __name__ == "__main__":
    typer.run(main)
