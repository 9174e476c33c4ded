"""The photos that a command is given: paths, patterns, URLs, lists of names, and what comes through a pipe."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from freeseg.errors import PhotoError
from freeseg.files import is_folder, path_for_message
from freeseg.photos.decoding import begins_like_photo, photo_errors
from freeseg.photos.finding import FoundPhoto, Skipped, find_photos
from freeseg.photos.frames import frames_of
from freeseg.photos.reading import read_bytes
from freeseg.photos.video import is_video
from freeseg.photos.web import WebPhoto, web_photo
from freeseg.urls import is_url

PIPE = "-"
PIPED_NAME = "stdin"  # what the photo from a pipe is called
MAX_BYTES = 1_000_000_000  # of what comes through a pipe
MAX_LIST_BYTES = 100_000_000  # of a list of names
_NO_TEXT = re.compile(rb"[\x01-\x08\x0e-\x1f]")


def given_photos(
    arguments: Sequence[str],
    pipe: BinaryIO,
    *,
    frames: bool = False,
    every: int = 1,
    allow_private: bool = False,
    without: Path | None = None,
    skipped: Skipped | None = None,
) -> list[FoundPhoto]:
    """List the photos that the arguments of a command name, and those in folders, as `find_photos` does.

    The names in a list may be URLs too, but no patterns.

    Args:
        arguments: Each is one of these.

            - The path of a file or of a folder.
            - A pattern, such as `"shots/**/*.jpg"`, where no file has that name: `*` is any part of a name, `**` any
              folders, `?` any character, and `[ab]` one of these.
            - A URL, which is not fetched yet.
            - `@FILE`, a list with a name on each line, as seen from the current folder. (`./@FILE` is a photo.)
            - `-`, for what comes through the pipe: the bytes of one photo, or a list of names, on lines or with a NUL
              after each, as `find -print0` gives them.
        pipe: What `-` reads.
        frames: Whether each frame of an animation and each page of a file is a photo of its own. Otherwise the first
            is taken. Files on the web are fetched for it. Frames of videos always are.
        every: Of these frames and pages, 2 takes the first, the third and so on.
        allow_private: Whether URLs may lead to addresses that are not public.
        without: As of `find_photos`.
        skipped: As of `find_photos`; it also gets the count of further frames.

    Raises:
        FreeSegError: A video is named, and PyAV is not installed.
        PhotoError: Nothing matches a pattern, a list cannot be read or is empty, or nothing comes through the pipe; and
            as of `find_photos`.
        OutputError: As of `find_photos`.

    Example:
        >>> import io, tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a.jpg", "b.jpg"):
        ...     (folder / name).touch()
        >>> [str(photo.name) for photo in given_photos([f"{folder}/*.jpg"], io.BytesIO())]
        ['a.jpg', 'b.jpg']
    """
    names: list[str] = []
    piped: list[FoundPhoto] = []
    for argument in dict.fromkeys(arguments):
        if argument == PIPE:
            content = _from_pipe(pipe)
            if begins_like_photo(content):
                picture = read_bytes(content, "the photo from the pipe")
                piped.append(FoundPhoto(Path(PIPED_NAME), PurePosixPath(PIPED_NAME), picture))
            else:
                names += _names(content, "the pipe", "a photo, or the names of some, one a line")
        elif argument.startswith("@"):
            names += _listed(Path(argument[1:]))
        else:
            names += _matching(argument)
    found: list[FoundPhoto] = []
    paths = [web_photo(name, allow_private=allow_private) or name for name in names]
    for photo in find_photos(paths, without=without, skipped=skipped):
        on_web = isinstance(photo.picture, WebPhoto)
        if frames or (is_video(photo.path) and not on_web):
            found += frames_of(photo, every=every) or [photo]
            continue
        found.append(photo)
        if skipped is not None and not on_web:  # or it would be fetched to count what it has
            skipped.frames += max(0, len(frames_of(photo)) - 1)
    return [*found, *piped]


def photos_of(given: str | os.PathLike[str]) -> list[Path] | None:
    """The photos in a folder and below it, or those that a pattern names; None of what is one photo.

    Args:
        given: A folder, a text that is a pattern, or the path or URL of a photo.

    Raises:
        PhotoError: There are none, or the folder cannot be listed.

    Example:
        >>> print(photos_of("cat.jpg"), photos_of("https://example.org/*.jpg"))
        None None
    """
    names = _matching(given) if isinstance(given, str) else [os.fspath(given)]
    if names == [os.fspath(given)] and not is_folder(given):
        return None
    return [photo.path for photo in find_photos(names)]


def _from_pipe(pipe: BinaryIO) -> bytes:
    if pipe.isatty():
        raise PhotoError("- stands for what comes through a pipe, and there is none; write ... | freeseg segment -")
    with photo_errors("the pipe"):
        content = pipe.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PhotoError(f"cannot read the pipe: more than {MAX_BYTES:,} bytes came; save them to a file first")
    return content


def _listed(path: Path) -> list[str]:
    name = path_for_message(path)
    with photo_errors(name):
        if path.stat().st_size > MAX_LIST_BYTES:
            raise PhotoError(f"cannot read {name}: more than {MAX_LIST_BYTES:,} bytes; give a list of names")
        content = path.read_bytes()
    if begins_like_photo(content):
        raise PhotoError(f"{name} is a photo and no list of names; write it without the @")
    return _names(content, name, "a list with the name of a photo on each line")


def _names(content: bytes, where: str, expected: str) -> list[str]:
    """The names in a list."""
    lines = content.split(b"\0") if b"\0" in content else content.removeprefix(b"\xef\xbb\xbf").splitlines()
    names = [os.fsdecode(line) for line in lines if line.strip()]
    if not names:
        raise PhotoError(f"cannot read {where}: it is empty; give {expected}")
    if _NO_TEXT.search(content[:4096]):
        raise PhotoError(f"cannot read {where}: it is neither a photo nor text; give {expected}")
    return names


def _matching(argument: str) -> list[str]:
    """The files of a pattern, sorted; an argument that is none, or the name of a file or a URL, as it is."""
    if is_url(argument) or not glob.has_magic(argument) or os.path.lexists(argument):
        return [argument]
    if found := sorted(glob.glob(argument, recursive=True)):  # noqa: PTH207 - also from the root
        return found
    raise PhotoError(f"no file matches {path_for_message(argument)}; check the pattern and the folder that you are in")
