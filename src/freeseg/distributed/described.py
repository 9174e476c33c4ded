"""What describes the photos of a run: captions beside them, read as the photos are found and never all in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from freeseg.data.captions.caption_folder import CAPTIONS_FILE, place_of_photo
from freeseg.data.captions.records import captions_and_split, parse_record, relative_name
from freeseg.data.captions.tar_shards import TEXT_KINDS, member_key, member_kind, sample_text
from freeseg.errors import DataError, PhotoError, reason
from freeseg.files import path_for_message
from freeseg.photos.decoding import photo_errors
from freeseg.photos.references import PhotoReference
from freeseg.places import inside, is_remote, is_store_folder, lines_of, local_path, opened_place

__all__ = ["TEXT_KINDS", "TarMember", "described_members", "described_photos", "has_captions"]


class TarMember(NamedTuple):
    """A photo in a tar file, or a text in it.

    Attributes:
        name: Of the member; "" for what is wrong with the tar file.
        reference: Where it is.
        text: The bytes of a text; None of a photo.
    """

    name: str
    reference: PhotoReference
    text: bytes | None = None


def described_members(members: Iterable[TarMember]) -> Iterator[PhotoReference]:
    """The photos in a tar file with the captions beside them, which have the same key, as webdataset joins them.

    Example:
        >>> members = [
        ...     TarMember("a.jpg", PhotoReference("0.tar/a.jpg", "0.tar")),
        ...     TarMember("a.txt", PhotoReference("0.tar/a.txt", "0.tar"), b"a red kite"),
        ... ]
        >>> [photo.captions for photo in described_members(members)]
        [('a red kite',)]
    """
    for key, neighbours in groupby(members, key=lambda member: member_key(member.name)):
        together = list(neighbours)
        texts = {member_kind(each.name): each.text for each in together if each.text is not None}
        photos = [each.reference for each in together if each.text is None]
        if texts and photos:
            try:
                captions, _ = sample_text({"__key__": key, **texts}, path_for_message(photos[0].path))
                photos = [photo._replace(captions=captions) for photo in photos]
            except DataError as error:
                photos = [photo._replace(problem=str(error)) for photo in photos]
        yield from photos


def has_captions(folder: str) -> bool:
    """Whether a folder, on this machine or in a store, has `captions.jsonl`.

    Example:
        >>> import tempfile
        >>> has_captions(tempfile.mkdtemp())
        False
    """
    file = inside(folder, CAPTIONS_FILE)
    try:
        with opened_place(file):
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PhotoError(
            f"cannot read {path_for_message(file)}: {reason(error)}; check your right to read it"
        ) from error


def described_photos(folder: str) -> Iterator[PhotoReference]:
    """The photos that the `captions.jsonl` of a folder lists, in its order; a line at a time is in memory.

    A line that cannot be used is a reference with a problem.

    Args:
        folder: On this machine or in a store.

    Raises:
        PhotoError: There is no line.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "captions.jsonl").write_text('{"file": "a.jpg", "captions": ["a red kite"]}')
        >>> [photo.captions for photo in described_photos(str(folder))]
        [('a red kite',)]
    """
    file = inside(folder, CAPTIONS_FILE)
    photos = _photos_of_store(folder) if is_remote(folder) else ""
    is_empty = True
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        is_empty = False
        where = f"{path_for_message(file)}, line {number}"
        try:
            record = parse_record(line, where)
            name = relative_name(record.get("file"), where)
            captions, _ = captions_and_split(record, where)
        except DataError as error:
            yield PhotoReference(where, file, problem=str(error))
            continue
        if is_remote(folder):
            place = inside(folder if name.startswith("images/") else photos, name)
            yield PhotoReference(place, place, captions=captions)
        else:
            photo, _ = place_of_photo(Path(folder), name)
            yield PhotoReference(str(photo), local_path(str(photo)), captions=captions)
    if is_empty:
        raise PhotoError(f"{path_for_message(file)}: empty; it needs a line for each photo, or remove it")


def _lines(file: str) -> Iterator[bytes]:
    with photo_errors(path_for_message(file)):  # the disk or the store may fail in the middle
        yield from lines_of(file)


def _photos_of_store(folder: str) -> str:
    """The folder of a store that has the photos: `images` in it, or itself."""
    try:
        return inside(folder, "images") if is_store_folder(inside(folder, "images")) else folder
    except PhotoError:
        return folder
