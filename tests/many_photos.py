"""Small photos, and what the parts of a run say of them, for tests of runs over many photos."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from freeseg.distributed import (
    Block,
    Parts,
    Plan,
    embedding_plan,
    free_mask_plan,
    mask_plan,
    missing_blocks,
    missing_queries,
    photo_references,
    query_plan,
)
from freeseg.distributed.drivers import in_this_process
from freeseg.labelling.photo import LabellingOptions
from freeseg.words import Vocabulary

MODEL, LABELS, SHORT_SIDE = "freeseg-lite", "cat, dog|puppy", 64


def draw_photos(folder: Path, count: int) -> Path:
    """A folder of small photos, the last of which is broken."""
    folder.mkdir()
    for number in range(count - 1):
        noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(noise).resize((80, 60)).save(folder / f"{number:03}.png")
    (folder / f"{count - 1:03}.png").write_bytes(b"no photo")
    return folder


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    """A tar file with these members."""
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return path


def small_plan(labels: str = LABELS) -> Plan:
    """A plan that costs little."""
    return mask_plan(labels, model=MODEL, short_side=SHORT_SIDE)


def small_embedding_plan() -> Plan:
    """A plan for embeddings that costs little."""
    return embedding_plan(model=MODEL, short_side=SHORT_SIDE)


def small_free_mask_plan() -> Plan:
    """A plan for free masks that costs little."""
    return free_mask_plan(LabellingOptions(Path(), Vocabulary.of(LABELS), MODEL, views=(SHORT_SIDE,)))


def embed_here(photos: Path, out: Path, *, size: int = 3) -> Plan:
    """Have a folder of photos embedded, in this process; gives the plan to ask for the usual words."""
    plan = small_embedding_plan()
    with Parts(str(out)).begun(plan):
        list(in_this_process(blocks_of(photos, plan, out, size=size), plan, str(out)))
    return query_plan(plan.to_dict(), LABELS)


def blocks_of(photos: Path, plan: Plan, out: Path, *, size: int = 3) -> list[Block]:
    """The blocks of a folder of photos that are missing in an output."""
    references = photo_references([str(photos)], without=str(out))
    return list(missing_blocks(references, plan, Parts(str(out)), size=size))


def job_of(kind: str, photos: Path, folder: Path, *, size: int = 3) -> tuple[Plan, Callable[[Path], list[Block]]]:
    """A plan of a kind for a folder of photos, and what gives its blocks that are missing in an output."""
    if kind != "query":
        plan = {"masks": small_plan, "embeddings": small_embedding_plan, "free masks": small_free_mask_plan}[kind]()
        return plan, lambda out: blocks_of(photos, plan, out, size=size)
    asked = embed_here(photos, folder / "embeddings", size=size)
    source = Parts(str(folder / "embeddings"))
    return asked, lambda out: list(missing_queries(source, asked, Parts(str(out))))


def rows_of(out: Path) -> list[dict[str, Any]]:
    """All rows of an output, by the names of the photos; none may be there twice."""
    parts = Parts(str(out))
    rows = [row for name in parts.names() for row in parts.read(name).to_pylist()]
    return sorted(rows, key=lambda row: row["photo"])
