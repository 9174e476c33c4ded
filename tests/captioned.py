"""Photos with captions in every layout that FreeSeg reads, and the line with which a broken one is refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
from PIL import Image

from freeseg.data.captions import CaptionedPhoto, open_sources
from freeseg.errors import DataError

webdataset = pytest.importorskip("webdataset")


def photo(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 40, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


PAIRS = [
    CaptionedPhoto("a", photo(10), ("a red kite", "a kite in the sky"), "train"),
    CaptionedPhoto("b", photo(20), (), "dev"),
    CaptionedPhoto("c", photo(30), ("naïve café 猫",), "test"),
]


def write_jsonl(
    folder: Path, lines: Sequence[object], photos: Sequence[str] = ("a.jpg",), under: str = "images"
) -> Path:
    (folder / under).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(photos):
        (folder / under / name).write_bytes(photo(number))
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "captions.jsonl").write_text(text, encoding="utf-8")
    return folder


def write_tar(path: Path, members: Sequence[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def as_jsonl(folder: Path) -> Path:
    write_jsonl(
        folder, [{"file": f"{p.key}.jpg", "captions": [*p.captions, " "], "split": p.split} for p in PAIRS], photos=()
    )
    for pair in PAIRS:
        (folder / "images" / f"{pair.key}.jpg").write_bytes(pair.image)
    return folder


def as_tar(path: Path, pairs: Sequence[CaptionedPhoto] = PAIRS) -> Path:
    with webdataset.TarWriter(str(path)) as tar:
        for pair in pairs:
            text = json.dumps({"captions": pair.captions, "split": pair.split}).encode()
            tar.write({"__key__": pair.key, "jpg": pair.image, "json": text})
    return path


def refusal(path: str | Path) -> str:
    """The one line with which a path is refused, on opening or while reading."""
    with pytest.raises(DataError) as caught:
        list(chain(*open_sources([path])))
    assert "\n" not in str(caught.value)
    return str(caught.value)
