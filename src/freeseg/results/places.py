"""Where results go: never over a photo, over another photo's result, or over a file that FreeSeg did not write."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from freeseg.errors import PATH_CHARACTERS, OutputError, shortened
from freeseg.files import bytes_sha256, escapes_folder, path_for_message, printable
from freeseg.photos import frame_reference
from freeseg.results.formats import DEFAULT_FORMATS, ENDINGS
from freeseg.results.marks import Mark, read_mark, seen_from
from freeseg.results.stems import stems_for
from freeseg.urls import is_url

if TYPE_CHECKING:
    from freeseg.photos import FoundPhoto

RESULT_ENDINGS = tuple(ENDINGS[name] for name in DEFAULT_FORMATS)


class NamedPhoto(NamedTuple):
    """A photo whose results need a place.

    Attributes:
        name: A relative path with "/" between folders, which gives the stem.
        source: The path of the photo's file as it was given, or its URL; "" if there is none.
        pixels: The sha256 of the pixels of a photo without a file.
        frame: Which of the file's frames or pages it is, from 1; 0 for what is no frame.
    """

    name: str
    source: str
    pixels: str = ""
    frame: int = 0

    def mark(self, folder: Path) -> str:
        """What tells the photo from all others, in a file in this folder, as `Mark.photo` has it."""
        if not self.source:
            return f"sha256:{self.pixels}"
        return frame_reference(seen_from(folder, self.source), self.frame)

    def stems(self, folder: Path) -> list[str]:
        """The stems that its results may have."""
        return stems_for(self.name, self.mark((folder / self.name).parent))

    def __str__(self) -> str:
        """The photo, for a message."""
        if not self.source:
            return "a picture without a file"
        path = path_for_message(self.source)
        return f"frame {self.frame} of {path}" if self.frame else path


def named_photo(found: FoundPhoto) -> NamedPhoto:
    """A photo that was found, by its name and where it is."""
    if isinstance(found.picture, Image.Image):
        return NamedPhoto(found.name.as_posix(), "", pixels_sha256(found.picture))
    return NamedPhoto(found.name.as_posix(), found.source, frame=found.frame)


def pixels_sha256(picture: Image.Image) -> str:
    """The sha256 of a picture's size and pixels."""
    return bytes_sha256(str(picture.size).encode() + picture.tobytes())


def choose_stem(
    photo: NamedPhoto,
    folder: Path,
    *,
    endings: Sequence[str] = RESULT_ENDINGS,
    photos: Collection[str] = (),
    overwrite: bool = False,
) -> str:
    """The stem for a photo's results in a folder: the one that its results have there, or the first that is free.

    Args:
        photo: The photo.
        folder: Where the results go.
        endings: Of the files that will be written.
        photos: Real paths of photos that must not be overwritten.
        overwrite: Whether files that FreeSeg did not write may be overwritten.

    Raises:
        OutputError: A file that must not be overwritten is in the way.

    Example:
        >>> choose_stem(NamedPhoto("0001.jpg", "cam1/0001.jpg"), Path("out"))
        '0001'
    """
    return _choose(photo, folder, set(), endings, photos, overwrite)


def choose_stems(
    named: Sequence[NamedPhoto],
    folder: Path,
    *,
    endings: Sequence[str] = RESULT_ENDINGS,
    photos: Collection[str] = (),
    overwrite: bool = False,
) -> list[str | OutputError]:
    """The stem of each of several photos, as `choose_stem` finds it, none of them twice.

    They do not depend on the order of the photos. Two stems that differ only in upper and lower case count as the
    same, since some file systems do not tell them apart.

    Returns:
        For each photo its stem, or the error that tells what is in the way.

    Example:
        >>> choose_stems([NamedPhoto("a.png", "a.png"), NamedPhoto("a.jpg", "a.jpg")], Path("out"))
        ['a.png', 'a']
    """
    chosen: dict[int, str | OutputError] = {}
    order = sorted(range(len(named)), key=lambda index: named[index].source)
    own = {index: stem for index in order if (stem := _own_stem(named[index], folder, endings))}
    taken = {stem.casefold() for stem in own.values()}
    for index in order:
        try:
            if index in own:
                _refuse(_path_inside(folder, own[index]), named[index], endings, photos, overwrite)
            chosen[index] = own.get(index) or _choose(named[index], folder, taken, endings, photos, overwrite)
        except OutputError as error:
            chosen[index] = error
        else:
            taken.add(str(chosen[index]).casefold())
    return [chosen[index] for index in range(len(named))]


def check_stem(
    stem: str,
    photo: NamedPhoto,
    folder: Path,
    *,
    endings: Sequence[str] = RESULT_ENDINGS,
    photos: Collection[str] = (),
    overwrite: bool = False,
) -> Path:
    """The path without ending of a stem that the user chose.

    The arguments are those of `choose_stem`; with `overwrite`, another photo's result may be overwritten too.

    Raises:
        OutputError: The stem leads out of the folder, or a file that must not be overwritten is in the way.
    """
    start = _path_inside(folder, stem)
    _refuse(start, photo, endings, photos, overwrite)
    for path, mark in () if overwrite else _marks(start, endings):
        mine = photo.mark(start.parent)
        if mark and mark.photo not in ("", mine) and (photo.source or not mark.photo.startswith("sha256:")):
            another = "another picture" if mark.photo.startswith("sha256:") else _path_from(path.parent, mark.photo)
            raise OutputError(
                f"{path_for_message(path)} holds the result of {another}, not of {photo}; "
                "choose another name or folder, or allow it to be overwritten"
            )
    return start


def _choose(
    photo: NamedPhoto,
    folder: Path,
    taken: set[str],
    endings: Sequence[str],
    photos: Collection[str],
    overwrite: bool,
) -> str:
    if (own := _own_stem(photo, folder, endings)) and own.casefold() not in taken:
        free = [own]
    else:
        stems = [stem for stem in photo.stems(folder) if stem.casefold() not in taken]
        free = [stem for stem in stems if not _is_anothers(_path_inside(folder, stem), photo, endings)]
        if not free and not photo.source:
            free = stems[-1:]  # its digits follow from the pixels, so what is there is of the same pixels
    if not free:
        raise OutputError(f"no name is free for the results of {photo}; choose another folder")
    _refuse(_path_inside(folder, free[0]), photo, endings, photos, overwrite)
    return free[0]


def _own_stem(photo: NamedPhoto, folder: Path, endings: Sequence[str]) -> str | None:
    """The stem under which the photo's results are in the folder, if they are."""
    for stem in photo.stems(folder):
        start = _path_inside(folder, stem)
        known = {mark.photo for _, mark in _marks(start, endings) if mark and mark.photo}
        if known and known == {photo.mark(start.parent)}:
            return stem
    return None


def _is_anothers(start: Path, photo: NamedPhoto, endings: Sequence[str]) -> bool:
    """Whether the results of another photo are there."""
    marks = [mark for _, mark in _marks(start, endings) if mark]
    if known := {mark.photo for mark in marks if mark.photo}:
        return known != {photo.mark(start.parent)}
    names = [mark.name for mark in marks if mark.name]  # of a version that did not write down the path
    return bool(names) and not (photo.source and printable(Path(photo.source).name) in names)


def _refuse(start: Path, photo: NamedPhoto, endings: Iterable[str], photos: Collection[str], overwrite: bool) -> None:
    """Raise an OutputError if a file is there that must not be overwritten."""
    for ending in endings:
        if not os.path.lexists(f"{start}{ending}"):  # a text is quick to make, and most files are not there
            continue
        path = start.with_name(start.name + ending)
        if os.path.realpath(path) in photos:
            raise OutputError(
                f"the results of {photo} would replace the photo {path_for_message(path)}; choose another folder"
            )
        if not overwrite and read_mark(path) is None and not _is_of_older_version(start, ending):
            raise OutputError(
                f"{path_for_message(path)} is there already, and FreeSeg did not write it; "
                "choose another folder, or allow it to be overwritten (--overwrite, overwrite=True)"
            )


def _path_from(folder: Path, photo: str) -> str:
    return path_for_message(photo if is_url(photo) else os.path.normpath(folder / photo))


def _is_of_older_version(start: Path, ending: str) -> bool:
    """Whether a picture without a mark is of version 0.1.0, which marked the summary beside it alone."""
    if ending not in RESULT_ENDINGS:
        return False
    summary = read_mark(start.with_name(start.name + ".json"))
    return summary is not None and not summary.photo


def _marks(start: Path, endings: Iterable[str]) -> Iterator[tuple[Path, Mark | None]]:
    """The files that a photo's results are, and their marks, of those that are there."""
    for ending in dict.fromkeys((*endings, *ENDINGS.values())):
        if os.path.lexists(f"{start}{ending}"):
            path = start.with_name(start.name + ending)
            yield path, read_mark(path)


def _path_inside(folder: Path, stem: str) -> Path:
    """The path of a stem in a folder, refused where it leads out of the folder, also where a link does."""
    path = Path(stem)
    is_inside = bool(path.name) and not escapes_folder(stem)
    if is_inside and len(path.parts) > 1:  # a folder on the way may be a link
        is_inside = (folder / path).parent.resolve().is_relative_to(folder.resolve())
    if not is_inside:
        raise OutputError(
            f"{shortened(stem, PATH_CHARACTERS)} does not stay inside {folder}; use a relative name without '..'"
        )
    return folder / path
