"""The photos that free masks are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from freeseg.data import CaptionedPhoto, PhotoSource
from freeseg.data.free_masks import Entry, FreeMasks
from freeseg.errors import DataError
from freeseg.files import sha256
from freeseg.photos import photos_in


def find_photos(masks: FreeMasks, folders: Sequence[Path]) -> list[Path]:
    """The photo of each entry: in the folder that has its source's name, or in any of the folders.

    Where several photos have the name, it is the one that was labelled.

    Raises:
        DataError: A photo is in none of the folders.
    """
    photos = []
    for entry in masks.entries:
        places = dict.fromkeys(path for path in _places(entry, folders) if path.is_file())
        if not places:
            missing = f"{entry.source}/{entry.file}"
            searched = ", ".join(map(str, folders))
            if not Path(entry.file).suffix:  # a key of a tar
                raise DataError(f"{missing} is in a tar, from which no network is trained; unpack and label it again")
            raise DataError(
                f"{masks.folder} has a mask of {missing}, which is not in {searched}; add its folder to --images"
            )
        photos.append(_labelled(entry, list(places)))
    return photos


def _labelled(entry: Entry, places: Sequence[Path]) -> Path:
    """Which of some files of one name was labelled; the first where none has its sha256."""
    if len(places) == 1:  # a change since then is noticed when the photo is read
        return places[0]
    return next((path for path in places if sha256(path) == entry.sha256), places[0])


def count_unlabelled(masks: FreeMasks, folders: Sequence[Path], labelled: Sequence[Path]) -> int:
    """How many photos in the folders have no mask."""
    known = {path.resolve() for path in labelled}
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
    """Labelled photos of one source. The labels that each is known to show are its captions."""

    name: str
    entries: list[Entry]
    photos: list[Path]

    def __len__(self) -> int:
        return len(self.photos)

    def keys(self) -> Iterable[str]:
        """The photos' files."""
        return [entry.file for entry in self.entries]

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        for entry, photo in zip(self.entries, self.photos, strict=True):
            yield CaptionedPhoto(entry.file, photo.read_bytes(), entry.labels, "none")


def as_sources(masks: FreeMasks, photos: Sequence[Path]) -> list[PhotoSource]:
    """Labelled photos as sources that can be read, one for each source that they were labelled from."""
    grouped: dict[str, LabelledPhotos] = {}
    for entry, photo in zip(masks.entries, photos, strict=True):
        own = grouped.setdefault(entry.source, LabelledPhotos(entry.source, [], []))
        own.entries.append(entry)
        own.photos.append(photo)
    return list(grouped.values())
