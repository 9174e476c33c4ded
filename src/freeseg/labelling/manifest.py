"""Writing the manifest of free masks while photos are labelled; `freeseg.data.free_masks` reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from freeseg.data.free_masks import MANIFEST, Entry, read_manifest
from freeseg.errors import OutputError, reason
from freeseg.files import atomic_path


class Manifest:
    """A manifest that gets a line for each photo when it is done, and its final order at the end.

    The names of the photos and the places of their lines are kept in memory, but not the lines.

    Args:
        folder: Of the free masks. If there is a manifest it is continued; a half-written last line, as a kill leaves
            it, is cut off.

    Raises:
        DataError: A line of the manifest is damaged.
        OutputError: The manifest cannot be written.
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
        """The keys of a source's photos that have an entry."""
        return {file for name, file in self._places if name == source}

    def append(self, entry: Entry) -> None:
        """Add a photo's entry, which replaces an earlier one of the same photo.

        Raises:
            OutputError: The manifest cannot be written.
        """
        with _writing(self._path):
            self._places[entry.source, entry.file] = self._file.seek(0, os.SEEK_END)
            self._file.write(entry.line().encode())
            self._file.flush()

    def finish(self, sources: Sequence[str], photos: Sequence[tuple[str, str]]) -> None:
        """Write the entries of other sources, then those of these photos in this order, and close the file.

        Args:
            sources: Names of the sources that the photos are from.
            photos: (source, file) of each photo; those without an entry are left out, and so are entries of these
                sources without a photo.

        Raises:
            OutputError: The manifest cannot be written.
        """
        others = [photo for photo in self._places if photo[0] not in sources]
        with atomic_path(self._path) as temporary, temporary.open("wb") as file:
            for photo in (*others, *photos):
                if photo in self._places:
                    file.write(self._line(self._places[photo]))
        self.close()

    def close(self) -> None:
        """Close the file, and keep what it holds."""
        with suppress(OSError):  # the disk is full, and `append` has raised that
            self._file.close()

    def _line(self, place: int) -> bytes:
        self._file.seek(place)
        return self._file.readline()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({reason(error)}); free space and run it again: what it holds is kept"
        ) from error
