"""The photos that free masks are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from freeseg.data import CaptionedPhoto, PhotoSource
from freeseg.data.free_masks import Entry, FreeMasks, ParquetFreeMasks
from freeseg.errors import DataError
from freeseg.files import bytes_sha256, path_for_message, sha256, with_own_bytes
from freeseg.photos import photos_in
from freeseg.photos.references import PhotoReference
from freeseg.urls import is_url


def find_photos(masks: FreeMasks, folders: Sequence[Path]) -> list[PhotoReference]:
    """The photo of each entry: in the folder that has its source's name, or in any of the folders.

    Where several photos have the name, it is the one that was labelled. Masks in Parquet files know themselves where
    their photos were, so that these may also be in tar files and stores; what is no longer there is looked for in the
    folders.

    Raises:
        DataError: A photo is in none of the folders.
    """
    if isinstance(masks, ParquetFreeMasks):
        return [_still_there(photo, masks, folders) for photo in masks.photos]
    if not folders:
        raise DataError(f"{masks.folder} does not say where its photos are; name their folder by --images")
    photos = []
    for entry in masks.entries:
        places = dict.fromkeys(path for path in _places(entry, folders) if path.is_file())
        if not places:
            missing = f"{entry.source}/{entry.file}"
            searched = ", ".join(map(str, folders))
            if not Path(entry.file).suffix:  # a key of a tar
                raise DataError(f"{missing} is in a tar; unpack it, or label it with --format parquet")
            raise DataError(
                f"{masks.folder} has a mask of {missing}, which is not in {searched}; add its folder to --images"
            )
        photos.append(PhotoReference.of_file(_labelled(entry, list(places))))
    return photos


def _still_there(photo: PhotoReference, masks: FreeMasks, folders: Sequence[Path]) -> PhotoReference:
    """A photo where it was when it was labelled, or the file of its name in one of the folders."""
    if is_url(photo.path):
        return photo
    name = photo.path if photo.size or photo.column else photo.photo
    names = [tail for each in dict.fromkeys((name, with_own_bytes(name))) for tail in _tails(each)]
    was = Path(photo.path), Path(with_own_bytes(photo.path))  # rows have escapes for bytes that are no text
    for path in (*was, *(folder / tail for folder in folders for tail in names)):
        if path.is_file():
            return photo._replace(path=str(path))
    raise DataError(
        f"{masks.folder} has a mask of {path_for_message(photo.photo)}, which is no longer at "
        f"{path_for_message(photo.path)}; put it back, or name its folder by --images"
    )


def _tails(name: str) -> list[Path]:
    """A path without more and more of its first folders."""
    parts = [part for part in Path(name).parts if part not in ("/", "..")]
    return [Path(*parts[start:]) for start in range(len(parts))]


def _labelled(entry: Entry, places: Sequence[Path]) -> Path:
    """Which of some files of one name was labelled; the first where none has its sha256."""
    if len(places) == 1:  # a change since then is noticed when the photo is read
        return places[0]
    return next((path for path in places if sha256(path) == entry.sha256), places[0])


def count_unlabelled(masks: FreeMasks, folders: Sequence[Path], labelled: Sequence[PhotoReference]) -> int:
    """How many photos in the folders have no mask."""
    known = {Path(photo.path).resolve() for photo in labelled if not is_url(photo.path)}
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
    """Labelled photos of one source. The labels that each is known to show are its captions.

    Each is compared with the photo that was labelled when it is read, since photos may have changed places since then.
    """

    name: str
    entries: list[Entry]
    photos: list[PhotoReference]

    def __len__(self) -> int:
        return len(self.photos)

    def keys(self) -> Iterable[str]:
        """The photos' files."""
        return [entry.file for entry in self.entries]

    def __iter__(self) -> Iterator[CaptionedPhoto]:
        for entry, photo in zip(self.entries, self.photos, strict=True):
            image = photo.image()
            if bytes_sha256(image) != entry.sha256:
                labelled = f"{entry.source}/{entry.file}"
                raise DataError(
                    f"{path_for_message(photo.photo)} is not the photo that was labelled as {labelled}: "
                    "it has changed, or is another of that name; name the right folder by --images, or label again"
                )
            yield CaptionedPhoto(entry.file, image, entry.labels, "none")


def as_sources(masks: FreeMasks, photos: Sequence[PhotoReference]) -> list[PhotoSource]:
    """Labelled photos as sources that can be read, one for each source that they were labelled from."""
    grouped: dict[str, LabelledPhotos] = {}
    for entry, photo in zip(masks.entries, photos, strict=True):
        own = grouped.setdefault(entry.source, LabelledPhotos(entry.source, [], []))
        own.entries.append(entry)
        own.photos.append(photo)
    return list(grouped.values())
