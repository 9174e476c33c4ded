"""Finding a dataset's files by name alone: folders are listed, no photo and no mask is opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from freeseg.errors import DataError
from freeseg.files import exists, is_file, is_folder

PHOTOS = (".jpg", ".jpeg", ".png")
_SHOWN = 8


class Annotated(NamedTuple):
    """A photo and its mask; `mask` is the file that holds it, maybe along with those of other photos."""

    name: str
    photo: Path
    mask: Path


class Files(NamedTuple):
    """Files of one folder by name: the path below the folder without its ending."""

    folder: Path
    ending: str
    paths: dict[str, Path]


def places(root: Path, homes: Sequence[str], *needs: Sequence[str]) -> list[Path]:
    """The files or folders that a dataset needs: one of each of `needs`, all in the first of `homes` that has them.

    Args:
        root: What the user gave.
        homes: Folders below it where the dataset may be; "" is the root itself.
        needs: For each thing that is needed, its possible paths, the preferred one first.

    Raises:
        DataError: No home has them all; says what was looked for and what is there.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> (root / "VOC2012" / "JPEGImages").mkdir(parents=True)
        >>> [place.relative_to(root).as_posix() for place in places(root, ("", "VOC2012"), ("JPEGImages",))]
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


def scan(folder: Path, deep: bool = False) -> list[str]:
    """The visible files of a folder, or (`deep`) of its sub-folders, as sorted paths below it.

    Raises:
        DataError: It cannot be listed.
    """
    try:
        folders = sorted(path for path in folder.iterdir() if path.is_dir()) if deep else [folder]
        files = [path for one in folders for path in one.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({error.strerror}); put a readable folder there") from error
    return sorted(path.relative_to(folder).as_posix() for path in files)


def named(folder: Path, files: Iterable[str], *endings: str) -> Files:
    """Those of `files` that have one of the endings, in any case, by name; of two the earlier ending wins.

    Example:
        >>> files = named(Path("x"), ["a.JPG", "a.png", "b.txt"], ".jpg", ".png")
        >>> {name: path.name for name, path in files.paths.items()}
        {'a': 'a.JPG'}
    """
    files, paths = list(files), dict[str, Path]()
    for ending in reversed(endings):
        paths |= {file[: -len(ending)]: folder / file for file in files if file.lower().endswith(ending.lower())}
    return Files(folder, endings[0], paths)


def photos_in(folder: Path, mark: str = "", deep: bool = False) -> Files:
    """The photos of a folder by name; `mark` is what their file names end with before the suffix."""
    return named(folder, scan(folder, deep), *(mark + suffix for suffix in PHOTOS))


def read_list(base: Path, lists: Sequence[str]) -> list[str] | None:
    """The names in the first of `lists` that is there, one a line; None if none is.

    Raises:
        DataError: It cannot be read, is empty, or has a name twice.
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


def join(names: Iterable[str], photos: Files, masks: Files) -> tuple[Annotated, ...]:
    """The photo and the mask of every name.

    Raises:
        DataError: There are no names, or a photo or a mask is missing; says which, and how many more.
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
    return tuple(Annotated(PurePosixPath(name).name, photos.paths[name], masks.paths[name]) for name in names)


def _contents(root: Path) -> str:
    if not is_folder(root):
        return "a file" if exists(root) else "no such folder"
    names = sorted(path.name for path in root.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "nothing") + more
