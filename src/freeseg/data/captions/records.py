"""Reading the files of a source, its captions and its names; whatever is wrong becomes one line that says where."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from freeseg.data.captions.source import SPLITS
from freeseg.errors import PATH_CHARACTERS, DataError, shortened
from freeseg.files import is_file, is_folder, parse_json


@contextmanager
def data_errors(where: str | Path, what: str) -> Iterator[None]:
    """Turn whatever reading raises into a DataError that says where and what."""
    try:
        yield
    except (tarfile.TarError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: {what}: {error}") from error


def read_file(file: Path) -> bytes:
    """The content of a file.

    Raises:
        DataError: It cannot be read.
    """
    with data_errors(file, "cannot be read"):
        return file.read_bytes()


def parse_record(text: bytes, where: str) -> dict[str, Any]:
    """A JSON object in UTF-8.

    Raises:
        DataError: The text is none.
    """
    with data_errors(where, "not a JSON object in UTF-8"):
        record = parse_json(text.decode("utf-8-sig"))
        if not isinstance(record, dict):
            raise ValueError(f"it is a {type(record).__name__}")
        return record


def captions_and_split(record: dict[str, Any], where: str) -> tuple[tuple[str, ...], str]:
    """The captions of a record, stripped and without empty ones, and its split, "train" where it has none.

    Raises:
        DataError: There are no captions, or they are not a list of strings, or there is no such split.
    """
    captions, split = record.get("captions"), record.get("split", "train")
    if not isinstance(captions, list) or not all(isinstance(caption, str) for caption in captions):
        raise DataError(f'{where}: {"no" if captions is None else "bad"} "captions"; it must be a list of strings')
    if split not in SPLITS:
        raise DataError(f"{where}: unknown split {shortened(split)}; use one of {', '.join(SPLITS)}")
    # JSON can spell half of an emoji (a lone surrogate), which no tokenizer can encode.
    encodable = (caption.encode("utf-8", "replace").decode().strip() for caption in captions)
    return tuple(caption for caption in encodable if caption), split


def relative_name(name: object, where: str) -> str:
    """The name of a photo relative to its source, refused where it leads out of it.

    Raises:
        DataError: It is not such a name.
    """
    if not isinstance(name, str) or not name.strip():
        raise DataError(f'{where}: {"no" if name is None else "bad"} "file"; it must be the name of a photo')
    path = PureWindowsPath(name)  # it knows both / and \\
    if path.anchor or ".." in path.parts:
        raise DataError(
            f"{where}: {shortened(name, PATH_CHARACTERS)} leads out of the folder; name photos relative to it, "
            "without .."
        )
    return PurePosixPath(name).as_posix()


def files_with_suffix(folder: Path, suffix: str) -> list[Path]:
    """The visible files of a folder with a suffix, in upper or lower case, sorted; none where there is no folder."""
    entries = folder.glob("[!.]*") if is_folder(folder) else ()
    return sorted(path for path in entries if path.name.lower().endswith(suffix) and is_file(path))


def describe_content(path: Path) -> str:
    """What is at a path, for an error: the names of a few files."""
    entries: Iterable[Path] = path.glob("*") if is_folder(path) else [path] if is_file(path) else []
    names = sorted(entry.name for entry in entries)
    return f"found {', '.join(names[:3]) or 'nothing'}" + f" and {len(names) - 3} more" * (len(names) > 3)
