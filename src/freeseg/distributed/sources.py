"""The photos of a run, one after the other: they are never all in memory."""

from __future__ import annotations

import glob
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from freeseg.data.captions.tar_shards import member_kind
from freeseg.distributed.described import TEXT_KINDS, TarMember, described_members, described_photos, has_captions
from freeseg.errors import PhotoError, reason
from freeseg.files import path_for_message
from freeseg.photos import suffixes
from freeseg.photos.decoding import begins_like_photo, photo_errors
from freeseg.photos.own_results import is_own_folder, own_results
from freeseg.photos.references import PhotoReference
from freeseg.photos.tables import caption_column, captions_in, paths_in, photo_column, rows_by_group
from freeseg.places import is_remote, is_store_folder, lines_of, listed_store, local_path, opened_place
from freeseg.urls import is_url

TAR, PARQUET = ".tar", ".parquet"
_HEAD_BYTES = 128  # of a list, enough to tell it from a photo


class _Asked(NamedTuple):
    """What a caller wants: without which folder, and whether with what describes the photos."""

    left_out: str
    captions: bool


def photo_references(
    arguments: Sequence[str], *, without: str = "", captions: bool = False
) -> Iterator[PhotoReference]:
    """The photos that the arguments of a command name, in order. The names in one folder are in memory at a time.

    Args:
        arguments: Each is one of these, on this machine or in a store (`s3://...`).

            - A photo.
            - A folder: the photos, tar files and Parquet files in it and below it, but what FreeSeg wrote itself.
            - An uncompressed tar file of photos, as webdataset has them.
            - A Parquet file with the bytes of photos (a column `image`, as Hugging Face datasets have it, `bytes` or
              `jpg`) or their paths (a column `path`, `url` or `image_path`).
            - A pattern such as `"shots/**/*.jpg"`, on this machine only.
            - `@FILE`, a list of these on lines, of any length, as seen from the current folder.
            - The URL of a photo (`https://...`).
        without: A folder on this machine that is left out: the one that results are written to.
        captions: Whether to read what describes the photos: `captions.jsonl` in a folder (of which the photos that it
            lists are taken, and no others), `KEY.txt` and `KEY.json` beside `KEY.jpg` in a tar file, and the column
            `captions`, `caption` or `text` of a Parquet file.

    Yields:
        A reference to each photo. What is wrong with a tar file or with a name in a list is a reference with a problem.

    Raises:
        PhotoError: An argument is not there, or cannot be listed, or there are no photos.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cat.jpg").touch()
        >>> [Path(reference.photo).name for reference in photo_references([str(folder)])]
        ['cat.jpg']
    """
    asked = _Asked(os.path.realpath(without) if without and not is_remote(without) else "", captions)
    count = 0
    for argument in dict.fromkeys(arguments):
        for found in _of_argument(argument, asked):
            count += 1
            yield found
    if not count:
        shown = ", ".join(map(path_for_message, arguments))
        raise PhotoError(f"no photos in {shown}; give some in {' '.join(sorted(suffixes()))}, or tar files of them")


def _of_argument(argument: str, asked: _Asked) -> Iterator[PhotoReference]:
    if argument.startswith("@"):
        yield from _of_names(_lines(argument[1:]), asked)
    elif is_url(argument) or not glob.has_magic(argument) or os.path.lexists(argument):
        yield from _of_place(argument, asked)
    else:
        for name in glob.iglob(argument, recursive=True):  # noqa: PTH207 - also from the root
            yield from _of_place(name, asked)


def _of_names(names: Iterable[str], asked: _Asked) -> Iterator[PhotoReference]:
    """The photos of names from a list: what is wrong with one is a reference with a problem."""
    for name in names:
        try:
            yield from _of_place(name, asked)
        except PhotoError as error:
            yield PhotoReference(name, name, problem=str(error))


def _lines(place: str) -> Iterator[str]:
    """The names in a list, read line by line."""
    shown = path_for_message(place)
    with photo_errors(shown):
        with opened_place(place) as file:
            if begins_like_photo(file.read(_HEAD_BYTES)):
                raise PhotoError(f"{shown} is a photo and no list of names; write it without the @")
        for line in lines_of(place):
            if name := os.fsdecode(line):
                yield name


def _of_place(place: str, asked: _Asked) -> Iterator[PhotoReference]:
    if is_remote(place):
        if not is_store_folder(place):
            yield from _of_file(place, place, asked, named=True)
        elif asked.captions and has_captions(place):
            yield from described_photos(place)
        else:
            for file in listed_store(place):
                yield from _of_file(file, file, asked, named=False)
        return
    if is_url(place) and not place.startswith("file://"):
        yield PhotoReference(place, place)
        return
    path = Path(local_path(place))
    with photo_errors(path_for_message(place)):
        path.stat()
    if not path.is_dir():
        yield from _of_file(place, str(path), asked, named=True)
    elif asked.captions and has_captions(str(path)):
        yield from described_photos(place.removeprefix("file://"))
    else:
        for found in _walk(path, asked.left_out, ()):
            given = Path(place.removeprefix("file://")) / found.relative_to(path)
            yield from _of_file(str(given), str(found), asked, named=False)


def _of_file(photo: str, path: str, asked: _Asked, *, named: bool) -> Iterator[PhotoReference]:
    """The photos of one file, which the user has named, or which was found in a folder."""
    suffix = PurePosixPath(path.partition("?")[0] if is_remote(path) else path).suffix.lower()
    if suffix == TAR:
        members = _members(photo, path, texts=asked.captions)
        yield from described_members(members) if asked.captions else (each.reference for each in members)
    elif suffix == PARQUET:
        yield from _rows(photo, path, asked, named=named)
    elif named or suffix in suffixes():
        yield PhotoReference(photo, path)


def _walk(folder: Path, left_out: str, above: tuple[str, ...]) -> Iterator[Path]:
    """The files in a folder and below it as `photos.photos_in` finds them, one folder after the other."""
    with photo_errors(path_for_message(folder)):
        real = os.path.realpath(folder)
        if real == left_out or real in above:
            return
        with os.scandir(folder) as entries:
            is_folder = {each.name: each.is_dir() for each in entries if not each.name.startswith(".")}
    if is_own_folder(folder, is_folder.keys()):
        return
    results = own_results(folder, is_folder.keys())
    for name in sorted(is_folder):
        if is_folder[name]:
            yield from _walk(folder / name, left_out, (*above, real))
        elif name not in results:
            yield folder / name


def _members(photo: str, path: str, *, texts: bool) -> Iterator[TarMember]:
    """The photos in a tar file, of which only the headers are read, and the texts beside them if asked for."""
    damage = ""
    try:
        with opened_place(path) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined] # or all would stay in memory
                name = PurePosixPath(member.name)
                if not member.isreg() or name.name.startswith("."):
                    continue
                reference = PhotoReference(f"{photo}/{member.name}", path, member.offset_data, member.size)
                if name.suffix.lower() in suffixes():
                    yield TarMember(
                        member.name, reference if member.size else reference._replace(problem=_empty(reference))
                    )
                elif texts and member_kind(member.name) in TEXT_KINDS:
                    file.seek(member.offset_data)
                    yield TarMember(member.name, reference, file.read(member.size))
            # tarfile takes a cut header for the end, but a whole tar ends with a block of zeros.
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                damage = "it has no end"
    except (OSError, tarfile.TarError, PhotoError) as error:
        damage = reason(error)
    if damage:
        problem = f"cannot read {path_for_message(photo)} any further: {damage}; fetch or write this tar file again"
        yield TarMember("", PhotoReference(photo, path, problem=problem))


def _empty(member: PhotoReference) -> str:
    return f"cannot read {path_for_message(member.photo)}: it is empty (0 bytes); fetch or write this tar file again"


def _rows(photo: str, path: str, asked: _Asked, *, named: bool) -> Iterator[PhotoReference]:
    """The photos in a Parquet file, of which no bytes are read yet."""
    from pyarrow import ArrowException

    try:
        column, has_bytes = photo_column(path)
        if not column:
            if named:
                raise PhotoError(
                    f"no photos in {path_for_message(photo)}: it has no column image, bytes, jpg, path or url"
                )
            return
        told = caption_column(path) if asked.captions else ""
        captions = captions_in(path, told) if told else repeat(())
        if has_bytes:
            groups = (repeat(group, rows) for group, rows in enumerate(rows_by_group(path)))
            before, last = 0, 0
            for number, (group, words) in enumerate(zip(chain.from_iterable(groups), captions, strict=False)):
                before, last = (number, group) if group != last else (before, last)
                yield PhotoReference(
                    f"{photo}#{number}", path, number - before, column=column, group=group, captions=words
                )
        else:
            for name, words in zip(paths_in(path, column), captions, strict=False):
                for found in _of_names([name] if name else [], _Asked("", captions=False)):
                    yield found._replace(captions=words)
    except (OSError, ArrowException) as error:
        problem = f"cannot read {path_for_message(photo)}: {reason(error)}; fetch or write this Parquet file again"
        yield PhotoReference(photo, path, problem=problem)
