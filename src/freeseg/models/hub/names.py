"""Which names can be those of models on the hub, and which ones the user has named. It needs no huggingface_hub.

A model's config and the settings of free masks name other models too, and they may come from strangers. Only what the
user names, on the command line or in a call, is asked of the hub; what a file names must have been fetched before. A
folder that a file names is read only where the user would expect it, or where the variable FREESEG_TOWERS allows it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

PART = r"(?=[A-Za-z0-9_])[A-Za-z0-9_.-]{1,96}(?<=[A-Za-z0-9_])"
NAME = re.compile(f"{PART}/{PART}")
VARIABLE = "FREESEG_TOWERS"  # folders, separated as in PATH, below which what a file names is read
_named: set[str] = set()
_in_a_file: ContextVar[bool] = ContextVar("_in_a_file", default=False)


def is_name(name: str) -> bool:
    """Whether this may be the name of a model on the hub: `owner/name`, in the letters and signs that it takes.

    Example:
        >>> [is_name(name) for name in ("openai/clip-vit-base-patch16", "freeseg-lite-iclip", "./folder", "a/b/c")]
        [True, False, False, False]
    """
    taken = NAME.fullmatch(name) is not None
    return taken and not any(part in name for part in ("--", "..")) and not name.endswith(".git")


def name_by_user(name: str) -> None:
    """Note that the user has named a model, by a folder or as on the hub, of which it may be asked from now on.

    Example:
        >>> name_by_user("owner/model")
        >>> may_be_fetched("owner/model"), may_be_fetched("owner/other")
        (True, False)
    """
    if not _in_a_file.get():
        trust(name)


def trust(name: str) -> None:
    """Treat a model as one that the user has named, since it belongs to one."""
    _named.update((name, str(_whole(name)), os.path.realpath(name)))


def named_by_user() -> Collection[str]:
    """All that the user has named so far, to be handed to another process."""
    return frozenset(_named)


def may_be_fetched(name: str) -> bool:
    """Whether the user has named a model; what a file names is not asked of the hub."""
    return name in _named


def may_be_read(folder: str, named_in: Path) -> bool:
    """Whether a folder that a file names may be read. To decide it, nothing of the folder is read.

    It may where the user has named it; in the current folder, and in the folder of what names it or beside that; and
    below the folders of the variable FREESEG_TOWERS.

    Args:
        folder: What the file names.
        named_in: The folder of the model or of the free masks whose file names it.

    Example:
        >>> may_be_read("/models/mine/clip", Path("/models/mine")), may_be_read("/models/clip", Path("/models/mine"))
        (True, True)
        >>> may_be_read("/photos/clip", Path("/models/mine"))
        False
    """
    place = _whole(folder)
    if str(place) in _named:
        return True
    near = {_whole(named_in), Path(os.path.realpath(named_in))}
    trusted = [_whole(each) for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    allowed = [Path.cwd(), *near, *trusted]
    below = any(place.is_relative_to(each) for each in allowed if each != Path(each.anchor))
    return below or place.parent in {each.parent for each in near}


def _whole(path: str | Path) -> Path:
    """A whole path, without asking the disk, or another machine, what is there."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve would follow links


@contextmanager
def named_in_a_file() -> Iterator[None]:
    """Models that are named inside the block are named by a file, and not by the user."""
    before = _in_a_file.set(True)
    try:
        yield
    finally:
        _in_a_file.reset(before)
