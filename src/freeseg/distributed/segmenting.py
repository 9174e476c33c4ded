"""Photos and a plan -> the rows of their masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freeseg.distributed.plan import Plan, model_of
from freeseg.errors import PhotoError
from freeseg.files import path_for_message, text_bytes
from freeseg.photos import Photo
from freeseg.photos.references import PhotoReference
from freeseg.prefetch import prefetch
from freeseg.results import rle

if TYPE_CHECKING:
    import pyarrow

    from freeseg.results.segmentation import Segmentation

READ_AHEAD = 4  # photos whose bytes are fetched while others are segmented


def mask_schema() -> pyarrow.Schema:
    """The columns of a part with masks; docs/guides/many-machines.md explains them."""
    import pyarrow

    return pyarrow.schema(
        {
            "photo": pyarrow.string(),
            "width": pyarrow.int32(),
            "height": pyarrow.int32(),
            "labels": pyarrow.list_(pyarrow.string()),
            "areas": pyarrow.list_(pyarrow.float64()),
            "confidences": pyarrow.list_(pyarrow.float64()),
            "rles": pyarrow.list_(pyarrow.string()),
            "model": pyarrow.string(),
            "version": pyarrow.string(),
            "error": pyarrow.string(),
        }
    )


def segment_block(photos: Sequence[PhotoReference], plan: Plan) -> pyarrow.Table:
    """Segment some photos: a row for each, in order. A photo that cannot be read is a row with its error.

    Args:
        photos: The photos; they are read here.
        plan: What is done with them.

    Raises:
        FreeSegError: The model cannot be had on this machine.

    Example:
        >>> from freeseg.distributed import mask_plan
        >>> missing = PhotoReference("no.jpg", "/no/such/photo.jpg")
        >>> table = segment_block([missing], mask_plan("cat", model="freeseg-lite"))
        >>> table["error"].to_pylist()[0].partition(";")[0]
        'cannot read /no/such/photo.jpg: no such file or directory'
    """
    import pyarrow

    model = model_of(plan)

    def columns(reference: PhotoReference, photo: Photo) -> dict[str, Any]:
        return mask_columns(model.segment(photo, plan.vocabulary or (), background=plan.background))

    return pyarrow.Table.from_pylist(rows_of(photos, plan, columns), schema=mask_schema())


def rows_of(
    photos: Sequence[PhotoReference], plan: Plan, columns: Callable[[PhotoReference, Path | bytes], dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each photo, in order. A photo that cannot be read is a row with its error.

    Args:
        photos: The photos; they are read here, the next ones while others are worked on.
        plan: What is done with them.
        columns: What a row has of a photo, given where it was and its content, beside what every row has; it may raise
            a `PhotoError`.
    """
    rows = []
    fetching = prefetch(PhotoReference.content, photos, count=READ_AHEAD)
    for reference, fetched in zip(photos, fetching, strict=True):
        row = _first_columns(reference, plan)
        try:
            row |= columns(reference, fetched.result())
        except PhotoError as error:
            row |= {"error": _error_of(error, reference)}
        rows.append(row)
    return rows


def _first_columns(reference: PhotoReference, plan: Plan) -> dict[str, Any]:
    """The columns that every row has, of photos that cannot be read as well."""
    return {
        "photo": stored_name(reference.photo),
        "model": f"{plan.model}@{plan.weights_sha256[:12]}",
        "version": plan.version,
    }


def stored_name(photo: str) -> str:
    r"""What a photo is called in a table: bytes of its name that are not text are escapes.

    Example:
        >>> stored_name("caf\udce9.jpg")
        'caf\\udce9.jpg'
    """
    return text_bytes(photo).decode()


def _error_of(error: PhotoError, reference: PhotoReference) -> str:
    """Why a photo could not be read; what came as bytes is called by its name."""
    name = path_for_message(reference.photo)
    return stored_name(str(error).replace("cannot read the bytes", f"cannot read {name}", 1))


def mask_columns(result: Segmentation) -> dict[str, Any]:
    """The columns of a photo that was segmented: lists with an item for each label that has pixels, largest first.

    Example:
        >>> import freeseg, numpy as np
        >>> result = freeseg.load().segment(np.zeros((40, 60, 3), np.uint8), "cat", background=False)
        >>> columns = mask_columns(result)
        >>> columns["labels"], columns["areas"], columns["rles"]
        (['cat'], [1.0], ['0P[2'])
    """
    areas = result.areas()
    values = [result.labels.index(label) for label in areas]
    return {
        "width": result.photo.width,
        "height": result.photo.height,
        "labels": list(areas),
        "areas": list(areas.values()),
        "confidences": [result.mean_confidence(label) for label in areas],
        "rles": [each["counts"] for each in rle.encode_values(result.mask, values)] if values else [],
    }
