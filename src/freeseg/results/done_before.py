"""What earlier runs into a folder have done, so that a repeated run does only what is missing.

A file in the cache, one for each folder of results, gets a line for each photo once its results are written. A line
counts as long as the file of the photo is as it was, the results are there, and the model, the words and the settings
are the same. Of a photo on the web, the URL alone tells that it is the same. Without the file, or with a damaged one,
photos are done again, and nothing is lost. It is not in the folder of results, where it would be in the way of programs
that take every file there for a result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freeseg.files import bytes_sha256, parse_json
from freeseg.results.endings import endings_of
from freeseg.results.places import named_photo
from freeseg.system import cache_folder

if TYPE_CHECKING:
    from freeseg.photos import FoundPhoto

DONE = "done"  # the folder in the cache


class Done(NamedTuple):
    """A line of the file: what was done of a photo.

    Attributes:
        photo: What tells the photo from all others, as `marks.Mark.photo` has it.
        bytes: The size of the photo's file; 0 for a photo without one.
        modified: When the photo's file was last changed, in nanoseconds; 0 for a photo without one.
        settings: The sha256 of all that its results depend on but the photo.
        formats: What was written.
        endings: Of the files that were written.
    """

    photo: str
    bytes: int
    modified: int
    settings: str
    formats: list[str]
    endings: list[str]


class DoneBefore:
    """What was done in a folder.

    Args:
        folder: Of the results.
        settings: All that results depend on but their photos; anything whose `repr` says it.
        formats: What will be written.

    Attributes:
        path: The file in which it is noted; None where there is no cache.

    Example:
        >>> import tempfile
        >>> from freeseg.photos import find_photos
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = [(folder / name).touch() for name in ("cat.jpg", "cat.json")]
        >>> (photo,) = find_photos([folder / "cat.jpg"])
        >>> done = DoneBefore(folder, ["a model", "cat, dog"], ["json"])
        >>> done.add(photo, "cat", ["cat", "dog"])
        >>> DoneBefore(folder, ["a model", "cat, dog"], ["json"]).holds(photo, "cat")
        True
        >>> DoneBefore(folder, ["a model", "horse"], ["json"]).holds(photo, "cat")
        False
    """

    def __init__(self, folder: Path, settings: Iterable[object], formats: Sequence[str]):
        self.path, self._folder, self._formats = _path_for(folder), folder, list(formats)
        self._settings = bytes_sha256("\n".join(map(repr, settings)).encode("utf-8", "backslashreplace"))
        content = _content(self.path)
        self._lines = _parse(content)
        self._start = b"" if content.endswith(b"\n") or not content else b"\n"  # after what a kill left half written

    def holds(self, photo: FoundPhoto, stem: str) -> bool:
        """Whether all that will be written of a photo is there, made of the same file with the same settings."""
        line = self._lines.get(stem)
        if line is None or line != self._line(photo, stem, line.formats, line.endings):
            return False
        return set(self._formats) <= set(line.formats) and all(self._is_there(stem, each) for each in line.endings)

    def add(self, photo: FoundPhoto, stem: str, labels: Sequence[str]) -> None:
        """Note that a photo's results are written; `labels` are those of its mask."""
        endings = [each for each in endings_of(self._formats, labels) if self._is_there(stem, each)]
        line = self._line(photo, stem, self._formats, endings)
        if self._lines.get(stem) == line:
            return
        self._lines[stem] = line
        text = json.dumps({"stem": stem, **line._asdict()}) + "\n"
        if self.path is None:
            return
        with suppress(OSError):  # what is not noted is only done again
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(self._start + text.encode())
                self._start = b""

    def _line(self, photo: FoundPhoto, stem: str, formats: Sequence[str], endings: Sequence[str]) -> Done:
        size, modified = 0, 0
        if photo.is_on_disk:
            try:
                found = photo.path.stat()
            except OSError:
                modified = -1  # its file is gone: no line is of it
            else:
                size, modified = found.st_size, found.st_mtime_ns
        mark = named_photo(photo).mark((self._folder / stem).parent)
        return Done(mark, size, modified, self._settings, list(formats), list(endings))

    def _is_there(self, stem: str, ending: str) -> bool:
        path = self._folder / stem
        return path.with_name(path.name + ending).is_file()


def _path_for(folder: Path) -> Path | None:
    """The file for a folder of results; None where there is no cache."""
    cache = cache_folder()
    name = bytes_sha256(os.path.realpath(folder).encode("utf-8", "backslashreplace"))
    return cache / DONE / f"{name[:32]}.jsonl" if cache else None


def _content(path: Path | None) -> bytes:
    with suppress(OSError):
        return path.read_bytes() if path else b""
    return b""


def _parse(content: bytes) -> dict[str, Done]:
    """The lines of the file by stem, of each stem the last; damaged lines are left out."""
    lines: dict[str, Done] = {}
    for text in content.splitlines():
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            entry = parse_json(text)
            stem, line = entry.pop("stem"), Done(**entry)
            if all(isinstance(each, str) for each in (stem, *line.formats, *line.endings)):
                lines[stem] = line
    return lines
