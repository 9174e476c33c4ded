"""Bad webdataset tars: damaged, with strange names, links and devices, and texts that are none."""

from __future__ import annotations

import io
import json
import random
import tarfile
from itertools import chain
from pathlib import Path

from attacks.damage import Attack, changed, damaged
from captioned import photo
from freeseg.data.captions import open_sources

NAMES = (
    *("a.jpg", "a.txt", "a.json", "../a.jpg", "/a.jpg", "a", ".jpg", "b/c.png", "a\n.jpg", "é.jpg", "a.seg.jpg"),
    *("b.JPG", "\x1b[2J.jpg", "x" * 300 + ".jpg", "b.pyd", "b.txt", "-.jpg", "a.jpg/", "pipe:ls.jpg"),
)
TYPES = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"?")
RECORD = {"captions": ["a cat", "a dog"], "split": "train"}


def _right(_: random.Random) -> bytes:
    return _tar([("a.jpg", photo(10)), ("a.json", json.dumps(RECORD).encode()), ("b.jpg", photo(20))])


def _bad(chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return damaged(_right(chance), chance)
    members = [("a.jpg", photo(10)), ("a.json", _text(chance)), ("b.jpg", photo(20)), ("b.txt", b"a dog")]
    for _ in range(chance.randint(0, 3)):
        members[chance.randrange(len(members))] = (chance.choice(NAMES), chance.choice([_text(chance), photo(1), b""]))
    return _tar(members, chance)


def _text(chance: random.Random) -> bytes:
    content = json.dumps(changed(json.loads(json.dumps(RECORD)), chance)).encode()
    return damaged(content, chance) if chance.random() < 0.2 else content


def _tar(members: list[tuple[str, bytes]], chance: random.Random | None = None) -> bytes:
    """A tar of these members; where chance has it, one is of another kind than a file."""
    encoded = io.BytesIO()
    with tarfile.open(fileobj=encoded, mode="w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if chance and chance.random() < 0.1:
                member.type, member.linkname = chance.choice(TYPES), chance.choice(NAMES)
            tar.addfile(member, io.BytesIO(data))
    return encoded.getvalue()


def _read(content: bytes, folder: Path) -> object:
    (folder / "photos.tar").write_bytes(content)
    found = list(chain(*open_sources([folder / "photos.tar"])))
    if [path.name for path in folder.iterdir()] != ["photos.tar"]:
        raise RuntimeError("something was written beside the tar")
    return found


TARS = {"webdataset tars": Attack(_right, _bad, _read)}
