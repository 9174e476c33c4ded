"""The photos of a run, one after the other: they are never all in memory."""

from __future__ import annotations

import glob
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from freeseg.distributed.references import PhotoReference
from freeseg.distributed.tables import paths_in, photo_column, rows_by_group
from freeseg.errors import PhotoError, reason
from freeseg.files import path_for_message
from freeseg.photos import suffixes
from freeseg.photos.decoding import photo_errors
from freeseg.photos.own_results import is_own_folder, own_results
from freeseg.places import is_remote, is_store_folder, listed_store, local_path, opened_place
from freeseg.urls import is_url

TAR, PARQUET = ".tar", ".parquet"


def photo_references(arguments: Sequence[str], *, without: str = "") -> Iterator[PhotoReference]:
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
    left_out = os.path.realpath(without) if without and not is_remote(without) else ""
    count = 0
    for argument in dict.fromkeys(arguments):
        for found in _of_argument(argument, left_out):
            count += 1
            yield found
    if not count:
        shown = ", ".join(map(path_for_message, arguments))
        raise PhotoError(f"no photos in {shown}; give some in {' '.join(sorted(suffixes()))}, or tar files of them")


def _of_argument(argument: str, left_out: str) -> Iterator[PhotoReference]:
    if argument.startswith("@"):
        yield from _of_names(_lines(argument[1:]), left_out)
    elif is_url(argument) or not glob.has_magic(argument) or os.path.lexists(argument):
        yield from _of_place(argument, left_out)
    else:
        for name in glob.iglob(argument, recursive=True):  # noqa: PTH207 - also from the root
            yield from _of_place(name, left_out)


def _of_names(names: Iterable[str], left_out: str) -> Iterator[PhotoReference]:
    """The photos of names from a list: what is wrong with one is a reference with a problem."""
    for name in names:
        try:
            yield from _of_place(name, left_out)
        except PhotoError as error:
            yield PhotoReference(name, name, problem=str(error))


def _lines(place: str) -> Iterator[str]:
    """The names in a list, read line by line."""
    with photo_errors(path_for_message(place)), opened_place(place) as file:
        for line in _raw_lines(file):
            if name := os.fsdecode(line.removeprefix(b"\xef\xbb\xbf").strip(b"\r\n")):
                yield name


def _raw_lines(file: object, block: int = 1 << 20) -> Iterator[bytes]:
    """The lines of an open file; files of stores have no lines of their own."""
    rest = b""
    while content := file.read(block):  # type: ignore[attr-defined]
        *lines, rest = (rest + content).split(b"\n")
        yield from lines
    yield rest


def _of_place(place: str, left_out: str) -> Iterator[PhotoReference]:
    if is_remote(place):
        if is_store_folder(place):
            for file in listed_store(place):
                yield from _of_file(file, file, named=False)
        else:
            yield from _of_file(place, place, named=True)
        return
    if is_url(place) and not place.startswith("file://"):
        yield PhotoReference(place, place)
        return
    path = Path(local_path(place))
    with photo_errors(path_for_message(place)):
        path.stat()
    if path.is_dir():
        for found in _walk(path, left_out, ()):
            given = Path(place.removeprefix("file://")) / found.relative_to(path)
            yield from _of_file(str(given), str(found), named=False)
    else:
        yield from _of_file(place, str(path), named=True)


def _of_file(photo: str, path: str, *, named: bool) -> Iterator[PhotoReference]:
    """The photos of one file, which the user has named, or which was found in a folder."""
    suffix = PurePosixPath(path.partition("?")[0] if is_remote(path) else path).suffix.lower()
    if suffix == TAR:
        yield from _members(photo, path)
    elif suffix == PARQUET:
        yield from _rows(photo, path, named=named)
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


def _members(photo: str, path: str) -> Iterator[PhotoReference]:
    """The photos in a tar file, of which only the headers are read."""
    damage = ""
    try:
        with opened_place(path) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined] # or all would stay in memory
                name = PurePosixPath(member.name)
                if member.isreg() and name.suffix.lower() in suffixes() and not name.name.startswith("."):
                    yield PhotoReference(f"{photo}/{member.name}", path, member.offset_data, member.size)
            # tarfile takes a cut header for the end, but a whole tar ends with a block of zeros.
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                damage = "it has no end"
    except (OSError, tarfile.TarError, PhotoError) as error:
        damage = reason(error)
    if damage:
        problem = f"cannot read {path_for_message(photo)} any further: {damage}; fetch or write this tar file again"
        yield PhotoReference(photo, path, problem=problem)


def _rows(photo: str, path: str, *, named: bool) -> Iterator[PhotoReference]:
    """The photos in a Parquet file, of which no bytes are read yet."""
    from pyarrow import ArrowException

    try:
        column, has_bytes = photo_column(path)
        if not column and named:
            raise PhotoError(f"no photos in {path_for_message(photo)}: it has no column image, bytes, jpg, path or url")
        if column and not has_bytes:
            yield from _of_names(paths_in(path, column), "")
        elif column:
            before = 0
            for group, rows in enumerate(rows_by_group(path)):
                for row in range(rows):
                    yield PhotoReference(f"{photo}#{before + row}", path, row, column=column, group=group)
                before += rows
    except (OSError, ArrowException) as error:
        problem = f"cannot read {path_for_message(photo)}: {reason(error)}; fetch or write this Parquet file again"
        yield PhotoReference(photo, path, problem=problem)
