"""Finding a dataset's files by their names: folders are listed, and no photo or mask is opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from freeseg.errors import DataError, reason
from freeseg.files import exists, is_file, is_folder

PHOTOS = (".jpg", ".jpeg", ".png")
_SHOWN = 8


class AnnotatedPhoto(NamedTuple):
    """A photo and its mask.

    Attributes:
        name: The photo's name.
        photo: Its file.
        mask: The file that holds its mask, and perhaps those of other photos.
    """

    name: str
    photo: Path
    mask: Path


class NamedFiles(NamedTuple):
    """Files of a folder by name.

    Attributes:
        folder: The folder.
        ending: How the files' names end, or should end.
        paths: The files by their path below the folder, without the ending.
    """

    folder: Path
    ending: str
    paths: dict[str, Path]


def find_paths(root: Path, homes: Sequence[str], *needs: Sequence[str]) -> list[Path]:
    """Find the files or folders that a dataset needs, all of them in one place.

    Args:
        root: The folder that the user named.
        homes: Folders below it that the dataset may be in, to be tried in turn; "" is the root itself.
        needs: For each file or folder that is needed, its possible paths, the preferred one first.

    Returns:
        A path for each of `needs`.

    Raises:
        DataError: No home has them all; the message says what was looked for and what is there.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> (root / "VOC2012" / "JPEGImages").mkdir(parents=True)
        >>> [place.relative_to(root).as_posix() for place in find_paths(root, ("", "VOC2012"), ("JPEGImages",))]
        ['VOC2012/JPEGImages']
    """
    for home in homes:
        there = [next((root / home / path for path in need if exists(root / home / path)), None) for need in needs]
        found = [path for path in there if path]
        if len(found) == len(needs):
            return found
    wanted = " and ".join(" or ".join(need) for need in needs)
    below = "".join(f" or in {home}" for home in homes if home)
    raise DataError(f"{root}: {wanted} were looked for in it{below}; found: {_contents(root)}")


def list_files(folder: Path, *, deep: bool = False) -> list[str]:
    """List the visible files of a folder, or those of its sub-folders where `deep`, as sorted paths below it.

    Raises:
        DataError: A folder cannot be listed.
    """
    try:
        folders = sorted(path for path in folder.iterdir() if path.is_dir()) if deep else [folder]
        files = [path for one in folders for path in one.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({reason(error)}); put a readable folder there") from error
    return sorted(path.relative_to(folder).as_posix() for path in files)


def files_by_name(folder: Path, files: Iterable[str], *endings: str) -> NamedFiles:
    """The files of a folder that have one of the endings, in upper or lower case, by name.

    Of two files of one name, the one with the earlier ending is taken.

    Example:
        >>> files = files_by_name(Path("x"), ["a.JPG", "a.png", "b.txt"], ".jpg", ".png")
        >>> {name: path.name for name, path in files.paths.items()}
        {'a': 'a.JPG'}
    """
    files, paths = list(files), dict[str, Path]()
    for ending in reversed(endings):
        paths |= {file[: -len(ending)]: folder / file for file in files if file.lower().endswith(ending.lower())}
    return NamedFiles(folder, endings[0], paths)


def masks_by_name(folder: Path, ending: str) -> NamedFiles:
    """The masks of a folder by name; the ending is that of their files."""
    return files_by_name(folder, list_files(folder), ending)


def photos_by_name(folder: Path, *, mark: str = "", deep: bool = False) -> NamedFiles:
    """The photos of a folder by name, where `mark` stands between the name and the suffix of each file."""
    return files_by_name(folder, list_files(folder, deep=deep), *(mark + suffix for suffix in PHOTOS))


def read_names(base: Path, lists: Sequence[str]) -> list[str] | None:
    """Read the names, one a line, from the first of `lists` that exists below `base`; None if none exists.

    Raises:
        DataError: The list cannot be read, is empty, or has a name twice.
    """
    file = next((base / place for place in lists if is_file(base / place)), None)
    if file is None:
        return None
    try:
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeError) as error:
        raise DataError(f"{file} cannot be read ({error}); put one name a line there") from error
    if not names:
        raise DataError(f"{file} lists no photos; put one name a line there")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{file} lists {twice!r} twice; name every photo once")
    return names


def match_masks(names: Iterable[str], photos: NamedFiles, masks: NamedFiles) -> tuple[AnnotatedPhoto, ...]:
    """Put the photo and the mask of each name together.

    Raises:
        DataError: There are no names, or a photo or a mask is missing; the message names the first and counts the
            others.
    """
    names = list(names)
    if not names:
        raise DataError(f"no photo with a mask in {photos.folder} and {masks.folder}; put some there")
    missing = [
        side.folder / f"{name}{side.ending}" for name in names for side in (photos, masks) if name not in side.paths
    ]
    if missing:
        more = f", and {len(missing) - 1} more files" if len(missing) > 1 else ""
        raise DataError(f"{missing[0]} is missing{more}; every one of the {len(names)} photos needs its mask")
    return tuple(AnnotatedPhoto(PurePosixPath(name).name, photos.paths[name], masks.paths[name]) for name in names)


def _contents(root: Path) -> str:
    if not is_folder(root):
        return "a file" if exists(root) else "no such folder"
    names = sorted(path.name for path in root.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "nothing") + more
