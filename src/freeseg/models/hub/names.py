"""Which names can be those of models on the hub, and which ones the user has named. It needs no huggingface_hub.

A model's config and the settings of free masks name other models too, and they may come from strangers. Only what the
user names, on the command line or in a call, is asked of the hub; what a file names must have been fetched before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PART = r"(?=[A-Za-z0-9_])[A-Za-z0-9_.-]{1,96}(?<=[A-Za-z0-9_])"
NAME = re.compile(f"{PART}/{PART}")
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
    """Note that the user has named a model, which may be asked of the hub from now on.

    Example:
        >>> name_by_user("owner/model")
        >>> may_be_fetched("owner/model"), may_be_fetched("owner/other")
        (True, False)
    """
    if not _in_a_file.get():
        _named.add(name)


def may_be_fetched(name: str) -> bool:
    """Whether the user has named a model; what a file names is not asked of the hub."""
    return name in _named


@contextmanager
def named_in_a_file() -> Iterator[None]:
    """Models that are named inside the block are named by a file, and not by the user."""
    before = _in_a_file.set(True)
    try:
        yield
    finally:
        _in_a_file.reset(before)
