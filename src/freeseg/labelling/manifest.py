"""The manifest of free masks while photos are labelled."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from freeseg.data.free_masks import MANIFEST, Entry, read_manifest
from freeseg.errors import OutputError, reason
from freeseg.files import atomic_path


class Manifest:
    """A manifest that grows: a line per photo as it is done, and all in their right order at the end.

    It keeps names and places of lines in memory, never the lines.

    Args:
        folder: Where it is, or will be. A half-written last line, which a kill leaves, is cut off.

    Raises:
        DataError: A line that is there is damaged.
        OutputError: It cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / MANIFEST
        self._places: dict[tuple[str, str], int] = {}
        end = 0
        with _writing(self._path):
            self._file = self._path.open("a+b")
        for place, entry in read_manifest(folder):
            self._places[entry.source, entry.file] = place
            end = place + len(self._line(place))
        with _writing(self._path):
            self._file.truncate(end)

    def find(self, source: str, file: str) -> Entry | None:
        """The entry of a photo, if it has one."""
        place = self._places.get((source, file))
        return None if place is None else Entry.parse(self._line(place))

    def files(self, source: str) -> set[str]:
        """The photos of a source that have an entry."""
        return {file for name, file in self._places if name == source}

    def append(self, entry: Entry) -> None:
        """Add a photo's entry; it takes the place of one that the photo had.

        Raises:
            OutputError: The disk is full.
        """
        with _writing(self._path):
            self._places[entry.source, entry.file] = self._file.seek(0, os.SEEK_END)
            self._file.write(entry.line().encode())
            self._file.flush()

    def finish(self, sources: Sequence[str], photos: Sequence[tuple[str, str]]) -> None:
        """Write the entries of these sources in the order of these photos, behind those of other sources.

        Args:
            sources: Names of sources.
            photos: (source, file) of their photos; those without an entry are left out.

        Raises:
            OutputError: The disk is full.
        """
        others = [photo for photo in self._places if photo[0] not in sources]
        with atomic_path(self._path) as temporary, temporary.open("wb") as file:
            for photo in (*others, *photos):
                if photo in self._places:
                    file.write(self._line(self._places[photo]))
        self.close()

    def close(self) -> None:
        """Close the file; what it holds is kept."""
        with suppress(OSError):  # of a full disk, which `append` has told of
            self._file.close()

    def _line(self, place: int) -> bytes:
        self._file.seek(place)
        return self._file.readline()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({reason(error)}); what it holds is kept") from error
