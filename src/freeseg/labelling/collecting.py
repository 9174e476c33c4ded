"""Photos that are nowhere on disk as files: training must find them again, so they are kept beside their masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from freeseg.data import NamedPhotos
from freeseg.errors import PhotoError
from freeseg.files import bytes_sha256, path_for_message, remove_half_written, write_bytes, write_picture
from freeseg.photos import FoundPhoto, WebPhoto, read_photo, suffixes
from freeseg.photos.decoding import photo_errors
from freeseg.urls import url_name

COLLECTED = "collected"  # the folder for them, in that of the masks
DIGITS = 8  # of the sha256 of where a photo comes from: they keep photos of one name apart
LONGEST_STEM = 60  # characters, each of which may take 3 bytes of the 255 that a name has
QUALITY = 95  # of JPEG, for frames


def collect_photos(
    photos: Sequence[FoundPhoto],
    folder: Path,
    *,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> tuple[NamedPhotos | None, list[str]]:
    """Keep photos on the web, frames of files, and what came through a pipe, as files in a folder.

    A photo that is there is not fetched or decoded again. Frames become JPEG files, the others stay as they are.

    Args:
        photos: The photos, none of which is a file on disk.
        folder: Where they are kept; made if need be.
        progress: Called after each photo with (done, total, name).

    Returns:
        The kept photos, None if there are none; and for each of the others one line that says why it could not be read.

    Raises:
        OutputError: A file cannot be written.
    """
    kept, failed = list[Path](), list[str]()
    remove_half_written(folder, recursive=False)
    for done, photo in enumerate(photos, start=1):
        try:
            with photo_errors(path_for_message(photo.source)):  # its file may have gone meanwhile
                path = folder / _kept_name(photo)
            if not path.is_file():
                _keep(photo, path)
            kept.append(path)
        except PhotoError as error:
            failed.append(str(error))
        progress(done, len(photos), photo.name.name)
    return (NamedPhotos(list(dict.fromkeys(kept))) if kept else None), failed


def _keep(photo: FoundPhoto, path: Path) -> None:
    if isinstance(photo.picture, WebPhoto):
        write_bytes(path, photo.picture.fetch().getvalue())
    else:
        options = {"quality": QUALITY, "subsampling": 0} if path.suffix == ".jpg" else {}
        write_picture(path, read_photo(photo.content), "JPEG" if options else "PNG", **options)


def _kept_name(photo: FoundPhoto) -> str:
    """The file for a photo: its name, where it comes from, and its number if it is a frame."""
    if isinstance(photo.picture, WebPhoto):
        name = PurePath(url_name(photo.source))
        suffix = name.suffix.lower() if name.suffix.lower() in suffixes() else ".jpg"
        return f"{name.stem[:LONGEST_STEM]}-{_digits(photo.source)}{suffix}"
    if photo.frame:
        file = f"{photo.path.resolve()} {photo.path.stat().st_size}" if photo.is_on_disk else photo.source
        return f"{photo.path.stem[:LONGEST_STEM]}-{_digits(file)}-{photo.frame:05}.jpg"
    picture = read_photo(photo.content)
    return f"{photo.path.stem}-{bytes_sha256(picture.tobytes())[:DIGITS]}.png"


def _digits(source: str) -> str:
    return bytes_sha256(source.encode("utf-8", "surrogateescape"))[:DIGITS]
