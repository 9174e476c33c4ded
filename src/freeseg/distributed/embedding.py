"""Photos and a plan -> the rows of what the model saw of them; and these rows and words -> the rows of masks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from freeseg.distributed.blocks import Block
from freeseg.distributed.parts import Parts
from freeseg.distributed.plan import Plan, model_of
from freeseg.distributed.segmenting import mask_columns, mask_schema, rows_of
from freeseg.errors import PhotoError
from freeseg.files import FLAT_PNG, encode_picture
from freeseg.photos import SeenPhoto, to_array
from freeseg.photos.large_jpegs import LatePhoto
from freeseg.photos.references import PhotoReference

if TYPE_CHECKING:
    import pyarrow

_KEPT = ("photo", "width", "height", "model", "version", "error")  # columns of a query that the embeddings have
MOST_EMBEDDED = 16  # photos of a part: of the embedded network, each has 2 MB of patch embeddings


def embedding_schema() -> pyarrow.Schema:
    """The columns of a part with patch embeddings; docs/guides/many-machines.md explains them."""
    import pyarrow

    return pyarrow.schema(
        {
            "photo": pyarrow.string(),
            "width": pyarrow.int32(),
            "height": pyarrow.int32(),
            "pixels": pyarrow.binary(),
            "patches": pyarrow.list_(pyarrow.float16()),
            "shape": pyarrow.list_(pyarrow.int32()),
            "looked_by": pyarrow.string(),
            "model": pyarrow.string(),
            "version": pyarrow.string(),
            "error": pyarrow.string(),
        }
    )


def embed_block(photos: Sequence[PhotoReference], plan: Plan) -> pyarrow.Table:
    """Look at some photos: a row for each, in order. A photo that cannot be read is a row with its error.

    Args:
        photos: The photos; they are read here.
        plan: Which model looks at them.

    Raises:
        FreeSegError: The model cannot be had on this machine.

    Example:
        >>> from freeseg.distributed import embedding_plan
        >>> missing = PhotoReference("no.jpg", "/no/such/photo.jpg")
        >>> embed_block([missing], embedding_plan(model="freeseg-lite"))["patches"].to_pylist()
        [None]
    """
    import pyarrow

    model = model_of(plan)
    rows = rows_of(photos, plan, lambda reference, photo: _seen_columns(model.look(photo)))
    return pyarrow.Table.from_pylist(rows, schema=embedding_schema())


def _seen_columns(seen: SeenPhoto) -> dict[str, Any]:
    return {
        "width": seen.size[0],
        "height": seen.size[1],
        "pixels": encode_picture(Image.fromarray(seen.pixels), "PNG", **FLAT_PNG),
        "patches": seen.patches.astype(np.float16).ravel(),
        "shape": list(seen.patches.shape),
        "looked_by": seen.looked_by,
    }


def missing_queries(
    source: Parts, plan: Plan, parts: Parts, *, passed: Callable[[int], None] = lambda count: None
) -> Iterator[Block]:
    """The parts of embeddings that were not asked yet, each as a block with one reference.

    Args:
        source: The embeddings.
        plan: What is asked.
        parts: The output.
        passed: Is told how many photos are done already, whenever some are passed over.
    """
    names, plan_sha256 = parts.names(), plan.sha256
    for name in sorted(source.names()):
        block = Block.of([PhotoReference(name, source.folder)], plan_sha256)
        if block.name in names:
            passed(len(source.read(name, ["photo"])))
        else:
            yield block


def query_block(embedded: Sequence[PhotoReference], plan: Plan) -> pyarrow.Table:
    """Ask what was seen of photos for other words: the rows that `segment_block` gives, without a look at the photos.

    Args:
        embedded: The name of a part of embeddings, in its folder.
        plan: What is asked.

    Raises:
        FreeSegError: The model cannot be had on this machine, or the embeddings cannot be read.
    """
    import pyarrow

    model, rows = model_of(plan), []
    for reference in embedded:
        table = Parts(reference.path).read(reference.photo)
        for place in range(len(table)):
            row = {name: table[name][place].as_py() for name in _KEPT}
            if row["error"] is None:
                result = model.segment(_seen(table, place), plan.vocabulary or (), background=plan.background)
                row |= mask_columns(result)
            rows.append(row)
    return pyarrow.Table.from_pylist(rows, schema=mask_schema())


def _seen(table: pyarrow.Table, place: int) -> SeenPhoto:
    """What was seen of a photo, from its row."""
    size = table["width"][place].as_py(), table["height"][place].as_py()
    photo = table["photo"][place].as_py()
    patches = table["patches"][place].values.to_numpy(zero_copy_only=False).astype(np.float32)

    def decode() -> Image.Image:
        raise PhotoError(f"{photo} is not here, but what was seen of it")

    return SeenPhoto(
        size=size,
        pixels=to_array(Image.open(io.BytesIO(table["pixels"][place].as_py()))),
        patches=patches.reshape(table["shape"][place].as_py()),
        looked_by=table["looked_by"][place].as_py(),
        source=PurePosixPath(photo).name,
        kept=LatePhoto(size, decode),
    )
