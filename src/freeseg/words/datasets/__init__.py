"""The classes of public datasets: their names in index order, and other words for them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class ClassList:
    """What a dataset's classes are called; the background is not among them.

    Attributes:
        names: The dataset's own names, in index order.
        aliases: This project's own words for each class, "a|b|c"; the names where it has none.
    """

    names: tuple[str, ...]
    aliases: tuple[str, ...]


@cache
def class_list(name: str) -> ClassList:
    """The class list in `NAME.toml` beside this file.

    Example:
        >>> classes = class_list("context")
        >>> classes.names[7], classes.aliases[7]
        ('boat', 'boat|ship')
    """
    table = tomllib.loads(resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    names = tuple(table["names"])
    return ClassList(names, tuple(table.get("aliases", names)))
