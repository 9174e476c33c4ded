"""Bad files: photos, what FreeSeg writes as JSON and reads again, and lists of labels."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from attacks.damage import Attack, damaged, of_json
from freeseg.data import CaptionFolder
from freeseg.data.free_masks import MaskSettings, open_free_masks
from freeseg.evaluation.report.report import Report
from freeseg.models import DEFAULT, embedded_folder, read_config
from freeseg.models.onnx_files import OnnxFile, OnnxFiles, read_onnx_files
from freeseg.photos import read_resized
from freeseg.words import Vocabulary


def right_photo(chance: random.Random) -> bytes:
    """A small photo in some format."""
    kind = chance.choice(["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000"])
    pixels = np.random.default_rng(chance.randrange(2**32)).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def damaged_photo(chance: random.Random) -> bytes:
    """The same, damaged."""
    return damaged(right_photo(chance), chance)


def words(chance: random.Random) -> bytes:
    """Labels as somebody may write them, or not."""
    signs = "ab ,;|\n\t\"'{}[]:.\\/\x00\x1b\u202e\ufeffé猫🐈0-_@%#" + "cat,dog|puppy"
    return "".join(chance.choice(signs) for _ in range(chance.randint(0, 60))).encode()


def _read_config(content: bytes, folder: Path) -> object:
    (folder / "config.json").write_bytes(content)
    return read_config(folder)


def _read_onnx(content: bytes, folder: Path) -> object:
    (folder / "onnx.json").write_bytes(content)
    return read_onnx_files(folder, weights_sha256="0" * 64)


def _read_masks(content: bytes, folder: Path) -> object:
    (folder / "labels.json").write_bytes(content)
    (folder / "manifest.jsonl").touch()
    return open_free_masks(folder)


def _read_manifest(content: bytes, folder: Path) -> object:
    (folder / "labels.json").write_text(json.dumps(SETTINGS))
    for name in (ENTRY["mask"], ENTRY["confidence"]):
        (folder / str(name)).parent.mkdir()
        (folder / str(name)).touch()
    (folder / "manifest.jsonl").write_bytes(content)
    return open_free_masks(folder)


def _read_captions(content: bytes, folder: Path) -> object:
    (folder / "a.jpg").write_bytes(b"...")
    (folder / "captions.jsonl").write_bytes(content)
    return list(CaptionFolder(folder))


def _read_report(content: bytes, folder: Path) -> object:
    (folder / "report.json").write_bytes(content)
    return Report.load(folder / "report.json")


SETTINGS = MaskSettings(Vocabulary.of("cat, dog"), "model", "model", "", "1", {"smoothing": 3}).to_dict()
ENTRY = {
    "source": "photos",
    "file": "a.jpg",
    "width": 4,
    "height": 3,
    "mask": "masks/a.png",
    "confidence": "confidence/a.png",
    "known": "presence",
    "labels": ["cat"],
    "areas": {"cat": 1.0},
    "ignored": 0.0,
    "sha256": "0" * 64,
    "model": "model",
    "version": "1",
}
REPORT = json.loads((Path(__file__).parents[1] / "evaluation/report/report-0.1.0.json").read_text("utf-8"))
CONFIG = json.loads((embedded_folder(DEFAULT) / "config.json").read_text())
ONNX = OnnxFiles(Path(), 384, {"image.onnx": OnnxFile("0" * 64, "float32")}, "0" * 64, stride=8).to_json()
CAPTIONED = {"file": "a.jpg", "captions": ["a cat"], "split": "train"}
FILES: dict[str, Attack] = {
    "photos": Attack(
        right_photo, damaged_photo, lambda content, _: read_resized(content, lambda size: (8, 8))[0].load()
    ),
    "config.json": of_json(CONFIG, _read_config),
    "onnx.json": of_json(ONNX, _read_onnx),
    "labels.json": of_json(SETTINGS, _read_masks),
    "manifest.jsonl": of_json(ENTRY, _read_manifest),
    "captions.jsonl": of_json(CAPTIONED, _read_captions),
    "reports": of_json(REPORT, _read_report),
    "labels": Attack(lambda _: b"cat, dog|puppy", words, lambda content, _: Vocabulary.of(content.decode())),
}
