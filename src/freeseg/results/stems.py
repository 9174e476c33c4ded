"""File names of results: the stems that a photo's results may have, none of them too long for a file system."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain, count
from pathlib import PurePosixPath

from freeseg.files import bytes_sha256
from freeseg.results.endings import LONGEST_ENDING

LONGEST = 255 - LONGEST_ENDING  # bytes of a stem: file systems take names of 255 bytes


def stems_for(name: str, photo: str) -> list[str]:
    """The stems that a photo's results may have, the first that is free to be taken.

    The photo's name without its suffix; with it; and with some digits that follow from where the photo is from. They
    depend on the photo alone, and not on what else there is. Sub-folders are kept.

    Args:
        name: The photo's name, a relative path with "/" between folders.
        photo: What tells the photo from others of its name: its path as it was given, for example.

    Example:
        >>> stems_for("b/a.jpg", "cam1/b/a.jpg")
        ['b/a', 'b/a.jpg', 'b/a.jpg-fb71bd6e']
    """
    digits = bytes_sha256(os.fsencode(photo))[:8]
    stems = [_without_suffix(PurePosixPath(name)), name, f"{name}-{digits}"]
    return list(dict.fromkeys(shortened(stem) for stem in stems))


def shortened(stem: str, *, longest: int = LONGEST) -> str:
    """A stem that a file system takes: one that is too long is cut, and ends in digits that follow from all of it.

    Args:
        stem: A relative path with "/" between folders; its last part alone is cut.
        longest: How many bytes the last part may have.

    Example:
        >>> shortened("a/cat"), shortened("a/" + "猫" * 9, longest=20)
        ('a/cat', 'a/猫猫猫-7f8f7b93')
    """
    folder, slash, last = stem.rpartition("/")
    if len(os.fsencode(last)) <= longest:
        return stem
    digits = bytes_sha256(os.fsencode(last))[:8]
    kept = last[:longest]
    while len(os.fsencode(kept)) + 1 + len(digits) > longest:
        kept = kept[:-1]
    return f"{folder}{slash}{kept}-{digits}"


def next_stem(name: str, taken: set[str], *, longest: int = LONGEST) -> str:
    """Where the results of the next photo of a stream go, without ending, when only those before it are known.

    The photo's name without its suffix, with it if that place is taken, or with the next free number. Two stems that
    differ only in upper and lower case count as the same, since some file systems do not tell them apart.

    Args:
        name: The photo's name, a relative path.
        taken: The places that are taken, in lower case; the new one is added.
        longest: How many bytes the stem's last part may have.

    Example:
        >>> taken = set()
        >>> [next_stem(name, taken) for name in ("a.jpg", "b/a.jpg", "a.png", "A.PNG")]
        ['a', 'b/a', 'a.png', 'A.PNG-2']
    """
    numbered: Iterable[str] = (f"{name}-{number}" for number in count(2))
    wanted = (
        shortened(stem, longest=longest) for stem in chain([_without_suffix(PurePosixPath(name)), name], numbered)
    )
    stem = next(each for each in wanted if each.casefold() not in taken)
    taken.add(stem.casefold())
    return stem


def _without_suffix(name: PurePosixPath) -> str:
    if not name.stem.strip("."):  # of "...jpg", ".." would be left
        return name.as_posix()
    return name.with_name(name.stem).as_posix()
