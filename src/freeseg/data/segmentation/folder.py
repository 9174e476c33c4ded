"""A user's own photos and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from freeseg.data.segmentation.dataset import MAX_CLASSES, SegmentationData, lookup
from freeseg.data.segmentation.layout import find_paths
from freeseg.data.segmentation.voc import voc_items
from freeseg.errors import DataError, LabelError, shortened
from freeseg.files import parse_json
from freeseg.mask_values import BACKGROUND
from freeseg.words import Vocabulary


class Classes(NamedTuple):
    """What a classes file says.

    Attributes:
        words: The words for the classes, without the background.
        has_background: Whether index 0 is the background.
    """

    words: Vocabulary
    has_background: bool


def open_folder(root: Path, *, classes: Path | None = None) -> SegmentationData:
    """Open a user's own dataset: `JPEGImages/`, `SegmentationClass/`, and perhaps a list of names in `val.txt`.

    Without a list, every photo with a mask counts.

    Args:
        root: The folder.
        classes: The JSON file that `read_classes` reads; None for `classes.json` in the folder.

    Raises:
        DataError: The layout is another, the classes cannot be used, or a photo or a mask is missing.
    """
    photos, masks = find_paths(root, ("",), ("JPEGImages",), ("SegmentationClass",))
    words, has_background = read_classes(classes or root / "classes.json")
    names = ((BACKGROUND,) if has_background else ()) + words.names
    return SegmentationData(
        name="folder",
        classes=names,
        has_background=has_background,
        items=voc_items(photos, masks),
        lookup=lookup({index: index for index in range(len(names))}),
        aliases=tuple("|".join(label.aliases) for label in words.labels),
        background_words=words.background_words,
    )


def read_classes(path: Path) -> Classes:
    """Read the classes of a folder, in the order of their indices in the masks.

    The file holds a list of names, or `{"classes": [...], "background": true}`, or a table from indices to names:
    `{"0": "wall", "1": "floor"}`. With a background, the names start at index 1. There is a background too where the
    first name itself is "background"; "background|sky|wall" gives words that stand for it. "sofa|couch" gives a class
    two names.

    Raises:
        DataError: The file cannot be read or has another form, or its names cannot be used.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "classes.json"
        >>> _ = file.write_text('["background", "cat", "sofa|couch"]')
        >>> classes = read_classes(file)
        >>> classes.words.names, classes.has_background
        (('cat', 'sofa'), True)
    """
    entries, stated = _entries(path)
    first = entries[0].split("|") if entries else [""]
    named = first[0].strip().casefold() == BACKGROUND
    if named and stated is False:
        raise DataError(f'{path}: the first class is "background", but "background" is false; make it true')
    has_background = named if stated is None else stated
    words = [word.strip() for word in first[1:] if word.strip()] if named else []
    try:
        vocabulary = Vocabulary.of(entries[1:] if named else entries, words, everyday_words=False)
    except LabelError as error:
        raise DataError(f"{path}: {error}") from error
    count = len(vocabulary.labels) + has_background
    if count > MAX_CLASSES:
        raise DataError(f"{path}: {count} classes; a mask has room for {MAX_CLASSES}, the background among them")
    return Classes(vocabulary, has_background)


def _entries(path: Path) -> tuple[list[str], bool | None]:
    """The names in the file, and whether it says that there is a background; None where it does not say."""
    form = 'a list of names, {"classes": [...], "background": true or false}, or {"0": name, "1": name, ...}'
    try:
        table = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); it must be {form}") from error
    entries, stated = (table, None) if isinstance(table, list) else (None, None)
    if isinstance(table, dict) and table.keys() <= {"classes", "background"}:
        entries, stated = table.get("classes"), table.get("background")
    elif isinstance(table, dict) and all(key.isascii() and key.isdigit() for key in table):
        entries = _in_order(path, {int(key): name for key, name in table.items()})
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise DataError(f"{path} is of another form; it must be {form}")
    if stated is not None and not isinstance(stated, bool):
        raise DataError(f'{path}: "background" is {shortened(stated)}; it must be true or false')
    return entries, stated


def _in_order(path: Path, names: dict[int, Any]) -> list[Any]:
    """The names of a table from indices to names, in the order of the indices."""
    missing = next((index for index in range(len(names)) if index not in names), None)
    if missing is not None:
        raise DataError(f"{path} names no class {missing}; it must name every index from 0 to the largest")
    return [names[index] for index in range(len(names))]
