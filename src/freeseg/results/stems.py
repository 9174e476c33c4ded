"""File names of results: one stem for each photo, none of them twice.

Two stems that differ only in upper and lower case count as the same, since some file systems do not tell them apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import PurePosixPath


def stems_of(names: Sequence[PurePosixPath]) -> list[str]:
    """Where the results of photos go, without ending, when all photos are known.

    Sub-folders are kept. Photos whose names differ only in their suffix keep the suffix; one whose place is taken all
    the same gets the next free number.

    Args:
        names: The photos' names, as `FoundPhoto.name` has them.

    Example:
        >>> stems_of([PurePosixPath(name) for name in ("a.jpg", "b/a.jpg", "c.jpg", "c.png", "c.png")])
        ['a', 'b/a', 'c.jpg', 'c.png', 'c.png-2']
    """
    plain = [_without_suffix(name) for name in names]
    uses = Counter(stem.casefold() for stem in plain)
    taken: set[str] = set()
    return [
        _take([stem if uses[stem.casefold()] == 1 else name.as_posix()], taken)
        for name, stem in zip(names, plain, strict=True)
    ]


def next_stem(name: str, taken: set[str]) -> str:
    """Where the results of the next photo of a stream go, without ending, when only those before it are known.

    The photo's name without its suffix, with it if that place is taken, or with the next free number.

    Args:
        name: The photo's name, a relative path.
        taken: The places that are taken, in lower case; the new one is added.

    Example:
        >>> taken = set()
        >>> [next_stem(name, taken) for name in ("a.jpg", "b/a.jpg", "a.png", "A.PNG")]
        ['a', 'b/a', 'a.png', 'A.PNG-2']
    """
    return _take([_without_suffix(PurePosixPath(name)), name], taken)


def _take(wanted: Sequence[str], taken: set[str]) -> str:
    """The first of the wanted stems that is free, else the last of them with the first free number from 2 on."""
    numbered: Iterable[str] = (f"{wanted[-1]}-{number}" for number in count(2))
    stem = next(each for each in chain(wanted, numbered) if each.casefold() not in taken)
    taken.add(stem.casefold())
    return stem


def _without_suffix(name: PurePosixPath) -> str:
    return name.with_suffix("").as_posix()
