"""Photos and a plan -> the rows of their free masks, which `freeseg.data.free_masks` reads again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freeseg.data.free_masks import CAPTIONS, PRESENCE
from freeseg.distributed.plan import Plan, model_of
from freeseg.distributed.segmenting import rows_of, stored_name
from freeseg.files import FLAT_PNG, bytes_sha256, encode_picture, path_for_message
from freeseg.labelling.photo import free_mask
from freeseg.photos.decoding import photo_errors
from freeseg.photos.references import PhotoReference
from freeseg.words import mentions

if TYPE_CHECKING:
    import pyarrow


def free_mask_schema() -> pyarrow.Schema:
    """The columns of a part with free masks; docs/guides/many-machines.md explains them."""
    import pyarrow

    where = {
        "path": pyarrow.string(),
        "offset": pyarrow.int64(),
        "size": pyarrow.int64(),
        "column": pyarrow.string(),
        "group": pyarrow.int32(),
    }
    return pyarrow.schema(
        {
            "photo": pyarrow.string(),
            "where": pyarrow.struct(where),
            "sha256": pyarrow.string(),
            "width": pyarrow.int32(),
            "height": pyarrow.int32(),
            "known": pyarrow.string(),
            "candidates": pyarrow.list_(pyarrow.string()),
            "labels": pyarrow.list_(pyarrow.string()),
            "areas": pyarrow.list_(pyarrow.float64()),
            "ignored": pyarrow.float64(),
            "mask": pyarrow.binary(),
            "confidence": pyarrow.binary(),
            "model": pyarrow.string(),
            "version": pyarrow.string(),
            "error": pyarrow.string(),
        }
    )


def label_block(photos: Sequence[PhotoReference], plan: Plan) -> pyarrow.Table:
    """Make free masks of some photos: a row for each, in order. A photo that cannot be read is a row with its error.

    Args:
        photos: The photos, with their captions where they have some; they are read here.
        plan: What is done with them.

    Raises:
        FreeSegError: The model cannot be had on this machine.

    Example:
        >>> from freeseg.distributed import free_mask_plan
        >>> from freeseg.labelling.photo import LabellingOptions
        >>> from freeseg.words import Vocabulary
        >>> plan = free_mask_plan(LabellingOptions(Path("masks"), Vocabulary.of("cat"), "freeseg-lite"))
        >>> label_block([PhotoReference("no.jpg", "/no/such/photo.jpg")], plan)["mask"].to_pylist()
        [None]
    """
    import pyarrow

    assert plan.vocabulary is not None  # noqa: S101 - for the type checker
    model, vocabulary = model_of(plan), plan.vocabulary

    def columns(reference: PhotoReference, content: Path | bytes) -> dict[str, Any]:
        with photo_errors(path_for_message(reference.photo)):
            image = content if isinstance(content, bytes) else content.read_bytes()
        file = io.BytesIO(image)
        file.name = path_for_message(reference.photo)  # what errors call the photo
        known = [vocabulary.names[index] for index in mentions(reference.captions, vocabulary)]
        found = free_mask(file, vocabulary, known, model)
        return {
            "where": _where(reference),
            "sha256": bytes_sha256(image),
            "width": found.mask.width,
            "height": found.mask.height,
            "known": CAPTIONS if known else PRESENCE,
            "candidates": list(found.labels),
            "labels": list(found.areas),
            "areas": list(found.areas.values()),
            "ignored": found.ignored,
            "mask": encode_picture(found.mask, "PNG", **FLAT_PNG),
            "confidence": encode_picture(found.confidence, "PNG"),
        }

    return pyarrow.Table.from_pylist(rows_of(photos, plan, columns), schema=free_mask_schema())


def _where(reference: PhotoReference) -> dict[str, Any]:
    """Where a photo is, for a table."""
    where = {name: getattr(reference, name) for name in ("path", "offset", "size", "column", "group")}
    return where | {"path": stored_name(reference.path)}
