"""Finding photos: the files that a user names, and those in folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from freeseg.errors import OutputError, PhotoError
from freeseg.files import path_for_message
from freeseg.photos.decoding import photo_errors

SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"})


class FoundPhoto(NamedTuple):
    """A photo on disk.

    Attributes:
        path: Where it is.
        name: Its path below the folder that the user named; of a file that was named itself, the file's name.
    """

    path: Path
    name: PurePosixPath


def find_photos(paths: Iterable[str | os.PathLike[str]], *, without: Path | None = None) -> list[FoundPhoto]:
    """List photos and the photos in folders, each file once.

    A folder gives the files in it and below it, sorted, whose suffix is in `SUFFIXES`, in upper or lower case. Hidden
    files and folders are skipped, and links to folders are followed. A file that is named itself is taken whatever
    its suffix is. Two photos from different paths can have the same name.

    Args:
        paths: Files and folders; a lone path is one of them.
        without: A folder that is left out where it lies inside the others: the one that results are written to.

    Raises:
        PhotoError: A path does not exist, a folder cannot be listed, or a folder holds no photos.
        OutputError: `without` is one of the folders.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cat.JPG").touch()
        >>> [str(found.name) for found in find_photos([folder])]
        ['cat.JPG']
    """
    unique: dict[str, FoundPhoto] = {}
    listed = [paths] if isinstance(paths, str | os.PathLike) else paths  # a text is one path, not a list of letters
    for path in map(Path, listed):
        with photo_errors(path_for_message(path)):
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        photos = photos_in(path, without=without) if is_folder else [FoundPhoto(path, PurePosixPath(path.name))]
        if not photos:
            raise PhotoError(f"no photos in {path_for_message(path)}; give some in {' '.join(sorted(SUFFIXES))}")
        for photo in photos:
            unique.setdefault(os.path.realpath(photo.path), photo)
    return list(unique.values())


def photos_in(folder: Path, *, without: Path | None = None) -> list[FoundPhoto]:
    """List the photos in a folder and below it as `find_photos` does; there may be none.

    Args:
        folder: The folder.
        without: A folder inside it that is left out.

    Raises:
        PhotoError: The folder or one below it cannot be listed.
        OutputError: `without` is the folder itself: what is written there would be taken for photos the next time.
    """
    left_out = {os.path.realpath(without)} if without else set()
    if os.path.realpath(folder) in left_out:
        raise OutputError(
            f"{path_for_message(folder)} holds the photos; results go to another folder, or one inside it"
        )
    return [FoundPhoto(file, PurePosixPath(file.relative_to(folder))) for file in _walk(folder, left_out)]


def _walk(path: Path, visited: set[str]) -> list[Path]:
    """The photos at a path and below it. Links may loop, so `visited` holds the real paths of folders not to visit."""
    with photo_errors(path_for_message(path)):  # unlike here, `os.walk` skips a folder that it cannot list
        if not path.is_dir():
            return [path] if path.suffix.lower() in SUFFIXES else []
        if (real := os.path.realpath(path)) in visited:
            return []
        visited.add(real)
        entries = sorted(entry for entry in path.iterdir() if entry.name[0] != ".")
    return [photo for entry in entries for photo in _walk(entry, visited)]
