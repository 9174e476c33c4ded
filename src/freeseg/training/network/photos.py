"""The photos that free masks are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from freeseg.data import Pair, PairSource
from freeseg.data.free_masks import Entry, FreeMasks
from freeseg.errors import DataError
from freeseg.images import photos_in


def find_photos(masks: FreeMasks, folders: Sequence[Path]) -> list[Path]:
    """The photo of each entry: in the folder that has its source's name, or in any of the folders.

    Raises:
        DataError: A photo is not there.
    """
    found = []
    for entry in masks.entries:
        path = next((path for path in _places(entry, folders) if path.is_file()), None)
        if path is None:
            missing = f"{entry.source}/{entry.file}"
            given = ", ".join(map(str, folders))
            if not Path(entry.file).suffix:  # a key of a tar
                raise DataError(f"{missing} is in a tar, from which no network is trained; unpack and label it again")
            raise DataError(
                f"{masks.folder} has a mask of {missing}, which is not in {given}; add its folder to --images"
            )
        found.append(path)
    return found


def unlabelled(masks: FreeMasks, folders: Sequence[Path], found: Sequence[Path]) -> int:
    """How many photos in the folders have no mask."""
    known = {path.resolve() for path in found}
    photos = {photo.path.resolve() for folder in folders for photo in photos_in(folder)}
    inside = masks.folder.resolve()
    return sum(1 for path in photos if path not in known and inside not in path.parents)


def _places(entry: Entry, folders: Sequence[Path]) -> Iterator[Path]:
    own = [folder for folder in folders if folder.resolve().name == entry.source]
    for folder in [*own, *(folder / entry.source for folder in folders), *folders]:
        yield folder / "images" / entry.file
        yield folder / entry.file


@dataclass
class LabelledPhotos:
    """Labelled photos as a source of photos: what they are known to show are their captions."""

    name: str
    entries: list[Entry]
    photos: list[Path]

    def __len__(self) -> int:
        return len(self.photos)

    def __iter__(self) -> Iterator[Pair]:
        for entry, photo in zip(self.entries, self.photos, strict=True):
            yield Pair(entry.file, photo.read_bytes(), entry.labels, "none")


def sources(masks: FreeMasks, photos: Sequence[Path]) -> list[PairSource]:
    """The labelled photos by their sources."""
    grouped: dict[str, LabelledPhotos] = {}
    for entry, photo in zip(masks.entries, photos, strict=True):
        own = grouped.setdefault(entry.source, LabelledPhotos(entry.source, [], []))
        own.entries.append(entry)
        own.photos.append(photo)
    return list(grouped.values())
