"""Reading free masks that are rows of Parquet files, as `freeseg label --format parquet` writes them."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from freeseg.bounds import check_fields, check_value
from freeseg.data.free_masks.entries import Entry
from freeseg.data.free_masks.folder import FreeMasks
from freeseg.data.free_masks.settings import vocabulary_of
from freeseg.errors import DataError, FreeSegError, reason, shortened
from freeseg.extras import require
from freeseg.files import parse_json
from freeseg.mask_values import labels_by_value
from freeseg.photos.references import PhotoReference, key_of
from freeseg.photos.tables import bytes_in

PLAN = "plan.json"
KIND = "free masks"
_PICTURES = ("mask", "confidence")
_WHERE = {"path": str, "offset": int, "size": int, "column": str, "group": int}
_DIGITS = 8  # of a photo's key: they keep photos apart whose names differ in what is left out


@dataclass(frozen=True)
class ParquetFreeMasks(FreeMasks):
    """Free masks in Parquet files.

    An entry's `mask` and `confidence` name the file, the row group in it, the row in that, and the column.

    Attributes:
        photos: Where the photo of each entry was when it was labelled.
    """

    photos: tuple[PhotoReference, ...] = ()

    def _file(self, name: str) -> BinaryIO:
        file, group, row, column = name.rsplit("/", 3)
        return io.BytesIO(bytes_in(str(self.folder / file), column, int(group), int(row)))


def is_parquet(folder: Path) -> bool:
    """Whether a folder has free masks in Parquet files.

    Example:
        >>> is_parquet(Path("no-such-folder"))
        False
    """
    return (folder / PLAN).is_file()


def open_parquet(folder: Path) -> ParquetFreeMasks:
    """Open a folder of Parquet files with free masks. All is read but the masks.

    Raises:
        DataError: The folder has something else in its Parquet files, or one of them is damaged.
        FreeSegError: pyarrow is not installed.
    """
    require("pyarrow", what="free masks in Parquet files")
    plan = _plan(folder)
    aliases = [label["aliases"] for label in plan["vocabulary"]["labels"]]
    names = labels_by_value(tuple(each[0] for each in aliases))
    words = plan["vocabulary"] | {"labels": aliases}
    vocabulary = vocabulary_of({"vocabulary": words, "labels": list(names)}, folder / PLAN)
    found = [_entry(row, folder.resolve().name, names) for row in _rows(folder) if row.get("error") is None]
    once = {entry.file: (entry, photo) for entry, photo in found}.values()  # a photo may have been named twice
    entries, photos = tuple(entry for entry, _ in once), tuple(photo for _, photo in once)
    return ParquetFreeMasks(folder, vocabulary, names, entries, plan["model"], plan["weights_sha256"], photos)


def _plan(folder: Path) -> dict[str, Any]:
    path = folder / PLAN
    try:
        plan = parse_json(path.read_bytes())
        if not isinstance(plan, dict) or plan.get("kind") != KIND:
            raise DataError(f"{path}: no free masks are there; give a folder that `freeseg label` wrote")
        made_by = plan["model"], plan["weights_sha256"]
        if not all(isinstance(each, str) for each in made_by):
            raise TypeError("its model is no text")
        if not all(label["aliases"] for label in plan["vocabulary"]["labels"]):
            raise ValueError("a label in it has no name")
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = f"it lacks {error}" if isinstance(error, KeyError) else reason(error)
        raise DataError(f"{path}: damaged ({cause}); label the photos again") from error
    return plan


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of all Parquet files, without masks, and where each is."""
    from pyarrow import ArrowException, parquet

    for path in sorted(folder.glob("[!.]*.parquet")):
        try:
            with parquet.ParquetFile(path) as file:
                columns = [name for name in file.schema_arrow.names if name not in _PICTURES]
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group, columns=columns).to_pylist()
                    yield from (row | {"at": f"{path.name}/{group}/{number}"} for number, row in enumerate(rows))
        except (OSError, ArrowException) as error:
            raise DataError(
                f"{path}: missing or damaged ({reason(error)}); remove it and run the same `freeseg label` again"
            ) from error


def _entry(row: dict[str, Any], source: str, names: Collection[str]) -> tuple[Entry, PhotoReference]:
    try:
        entry = Entry(
            source=source,
            file=_file_name(row["photo"]),
            width=row["width"],
            height=row["height"],
            mask=f"{row['at']}/mask",
            confidence=f"{row['at']}/confidence",
            known=row["known"],
            labels=tuple(row["candidates"]),
            areas=dict(zip(row["labels"], row["areas"], strict=True)),
            ignored=row["ignored"],
            sha256=row["sha256"],
            model=row["model"].partition("@")[0],
            version=row["version"],
        )
        check_fields(entry)
        if strange := {*entry.labels, *entry.areas}.difference(names):
            raise ValueError(f"{shortened(min(strange))} is no label of {PLAN}")
        for name, kind in _WHERE.items():
            check_value(f"where.{name}", row["where"][name], kind)
        return entry, PhotoReference(row["photo"], **row["where"])
    except (KeyError, TypeError, ValueError, AttributeError, FreeSegError) as error:
        raise DataError(f"{row['at']}: not a row of free masks ({reason(error)}); label the photos again") from error


def _file_name(photo: str) -> str:
    """A relative path for a photo, whatever its name is, that no other photo has.

    Example:
        >>> _file_name("photos/a.jpg"), _file_name("../a.jpg")
        ('photos/a.jpg', '2845741b/a.jpg')
    """
    parts = PurePosixPath(photo).parts
    kept = [part for part in parts if part not in ("/", "//", "..") and ":" not in part and "\\" not in part]
    return "/".join(kept if len(kept) == len(parts) else [key_of(photo).hex()[:_DIGITS], *kept])
