"""Small photos, and what the parts of a run say of them, for tests of runs over many photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from freeseg.distributed import Block, Parts, Plan, mask_plan, missing_blocks, photo_references

MODEL, LABELS, SHORT_SIDE = "freeseg-lite", "cat, dog|puppy", 64


def draw_photos(folder: Path, count: int) -> Path:
    """A folder of small photos, the last of which is broken."""
    folder.mkdir()
    for number in range(count - 1):
        noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(noise).resize((80, 60)).save(folder / f"{number:03}.png")
    (folder / f"{count - 1:03}.png").write_bytes(b"no photo")
    return folder


def small_plan(labels: str = LABELS) -> Plan:
    """A plan that costs little."""
    return mask_plan(labels, model=MODEL, short_side=SHORT_SIDE)


def blocks_of(photos: Path, plan: Plan, out: Path, *, size: int = 3) -> list[Block]:
    """The blocks of a folder of photos that are missing in an output."""
    references = photo_references([str(photos)], without=str(out))
    return list(missing_blocks(references, plan, Parts(str(out)), size=size))


def rows_of(out: Path) -> list[dict[str, Any]]:
    """All rows of an output, by the names of the photos; none may be there twice."""
    parts = Parts(str(out))
    rows = [row for name in parts.names() for row in parts.read(name).to_pylist()]
    return sorted(rows, key=lambda row: row["photo"])
