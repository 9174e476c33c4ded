"""Bad inputs by the thousand: files that are right, damaged at random, and read as FreeSeg reads them.

    python tests/attacks/inputs.py                       # 5,000 inputs, a table
    python tests/attacks/inputs.py --count 500 --seed 7

Each input must be read, or be refused with one short line. Anything else is listed with the number that makes it again,
and the exit code is 1.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from freeseg.data import CaptionFolder
from freeseg.data.free_masks import MaskSettings, open_free_masks
from freeseg.errors import FreeSegError
from freeseg.evaluation.report.report import Report
from freeseg.models import DEFAULT, embedded_folder, read_config
from freeseg.models.onnx_files import OnnxFile, OnnxFiles, read_onnx_files
from freeseg.photos import read_resized
from freeseg.words import Vocabulary

LONGEST = 1_500  # characters of an error
STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x" * 5_000,
    "\x1b[2J",
    "../../x",
    [],
    [1],
    {},
    {"a": 1},
)


class Attack(NamedTuple):
    """A kind of input: what makes a right one, what makes a bad one, and what reads both."""

    right: Callable[[random.Random], bytes]
    make: Callable[[random.Random], bytes]
    read: Callable[[bytes, Path], object]


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


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Bytes, some of them cut off, changed, doubled or moved."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(max(1, len(changed)))
        match chance.randrange(4):
            case 0:
                del changed[place:]
            case 1:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 2:
                changed[place:place] = changed[: chance.randrange(1, 64)]
            case _:
                del changed[place : place + chance.randrange(1, 64)]
    return bytes(changed)


def of_json(right: Any, read: Callable[[bytes, Path], object]) -> Attack:
    """An attack on JSON: a value somewhere in it becomes another one, or is lost; or its bytes are damaged."""

    def make(chance: random.Random) -> bytes:
        value = json.loads(json.dumps(right))
        for _ in range(chance.randint(1, 3)):
            value = _changed(value, chance)
        content = json.dumps(value).encode() + b"\n"
        return damaged(content, chance) if chance.random() < 0.2 else content

    return Attack(lambda _: json.dumps(right).encode() + b"\n", make, read)


def _changed(value: Any, chance: random.Random) -> Any:
    inner = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inner or chance.random() < 0.15:
        return chance.choice(STRANGE)
    key = chance.choice(inner)
    if chance.random() < 0.2:
        del value[key]
    else:
        value[key] = _changed(value[key], chance)
    return value


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
ATTACKS: dict[str, Attack] = {
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


def attack(count: int, seed: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Try `count` inputs, of all kinds in turn; gives how they ended by kind, and what ended as it must not."""
    ended = {kind: Counter[str]() for kind in ATTACKS}
    wrong = []
    for number in range(count):
        kind = list(ATTACKS)[number % len(ATTACKS)]
        chance = random.Random(f"{seed} {number}")  # noqa: S311 - not a secret
        with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(action="ignore"):
            try:
                ATTACKS[kind].read(ATTACKS[kind].make(chance), Path(name))
                outcome = "read"
            except FreeSegError as error:
                text = str(error)
                outcome = "refused" if len(text.splitlines()) == 1 and len(text) <= LONGEST else "no short line"
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"[:200]
        ended[kind][outcome if outcome in ("read", "refused") else "wrong"] += 1
        if outcome not in ("read", "refused"):
            wrong.append(f"seed {seed}, number {number}, {kind}: {outcome}")
    return ended, wrong


def main() -> None:
    """Attack, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    ended, wrong = attack(asked.count, asked.seed)
    print("| input | read | refused in one line | wrong |\n|---|--:|--:|--:|")
    for kind, counts in ended.items():
        print(f"| {kind} | {counts['read']} | {counts['refused']} | {counts['wrong']} |")
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
