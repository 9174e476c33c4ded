"""A folder of photos with `captions.jsonl`."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from freeseg.data.captions.records import captions_and_split, data_errors, parse_record, read_file, relative_name
from freeseg.data.captions.source import CaptionedPhoto
from freeseg.errors import PATH_CHARACTERS, DataError, shortened
from freeseg.files import encoding_by_mark, is_file
from freeseg.photos import photos_in

CAPTIONS_FILE = "captions.jsonl"


class CaptionFolder:
    r"""A folder with `captions.jsonl`, its photos in `images/` or in the folder itself.

    Each line is a JSON object with "file", "captions" (a list of strings, which may be empty) and optionally "split"
    ("train" when left out). Photos without a line are not read. A "file" with `\`, as Windows writes it, names a
    photo in a sub-folder, unless there is a photo of this very name.

    Args:
        folder: The folder.
        without: A folder inside it whose photos are not counted as without a line.

    Attributes:
        name: The folder's name.
        photos_without_line: How many photos in the folder have no line.

    Raises:
        DataError: A line cannot be used (the message has its number), or a photo is missing.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.jpg").write_bytes(b"...")
        >>> _ = (folder / "captions.jsonl").write_text('{"file": "a.jpg", "captions": ["a red kite"]}')
        >>> list(CaptionFolder(folder))
        [CaptionedPhoto(key='a.jpg', image=b'...', captions=('a red kite',), split='train')]
    """

    def __init__(self, folder: str | Path, *, without: Path | None = None) -> None:
        self.name = Path(folder).resolve().name
        self._entries = _read_jsonl(Path(folder))
        photos = {os.path.realpath(photo.path) for photo in photos_in(Path(folder), without=without)}
        self.photos_without_line = len(photos.difference(map(os.path.realpath, self._entries)))

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self._entries)

    def keys(self) -> Iterable[str]:
        """The keys of all photos; no photo is read."""
        return [key for key, _, _ in self._entries.values()]

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        """The photos, one at a time."""
        for photo, (key, captions, split) in self._entries.items():
            yield CaptionedPhoto(key, read_file(photo), captions, split)


def _read_jsonl(folder: Path) -> dict[Path, tuple[str, tuple[str, ...], str]]:
    """Key, captions and split by the photo's path, in the order of the lines."""
    file = folder / CAPTIONS_FILE
    entries: dict[Path, tuple[str, tuple[str, ...], str]] = {}
    content = read_file(file)
    if encoding := encoding_by_mark(content):  # as PowerShell writes it
        with data_errors(file, f"not a text in {encoding.upper()}, as which it begins; save it as UTF-8"):
            content = content.decode(encoding).encode()
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        record = parse_record(line, where)
        key = relative_name(record.get("file"), where)
        photo, key = place_of_photo(folder, key)
        if photo in entries:
            raise DataError(
                f"{where}: {shortened(key, PATH_CHARACTERS)} is listed twice; put all captions of a photo in one line"
            )
        entries[photo] = (key, *captions_and_split(record, where))
    if not entries:
        raise DataError(f"{file}: empty; it needs a line for each photo")
    if absent := [key for photo, (key, _, _) in entries.items() if not is_file(photo)]:
        hint = " (\\ was read as a separator, too)" if any("\\" in key for key in absent) else ""
        raise DataError(
            f"{file}: {len(absent)} of {len(entries)} photos are not there{hint}; the first is "
            f"{shortened(absent[0], PATH_CHARACTERS)}"
        )
    return entries


def place_of_photo(folder: Path, key: str) -> tuple[Path, str]:
    r"""Where a photo is, and its key; where there is none of this very name, `\` separates folders, as on Windows."""
    for name in dict.fromkeys((key, PurePosixPath(key.replace("\\", "/")).as_posix())):
        for photo in (folder / "images" / name, folder / name):
            if is_file(photo):
                return photo, name
    return folder / key, key
