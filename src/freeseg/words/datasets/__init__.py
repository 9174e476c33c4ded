"""The classes of public datasets: their names in index order, other words for them, and words for the background."""

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
        aliases: The words that published zero-shot numbers are measured with, "a|b|c" for each class.
        background_words: What stands for the background in those; empty where nothing was published.
    """

    names: tuple[str, ...]
    aliases: tuple[str, ...]
    background_words: tuple[str, ...] = ()


@cache
def class_list(name: str) -> ClassList:
    """The class list in `NAME.toml` beside this file.

    Example:
        >>> classes = class_list("voc")
        >>> classes.names[3], classes.aliases[3], classes.background_words[:2]
        ('boat', 'ship', ('sky', 'wall'))
    """
    table = tomllib.loads(resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    names = tuple(table["names"])
    return ClassList(names, tuple(table.get("aliases", names)), tuple(table.get("background_words", ())))
