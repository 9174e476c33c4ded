"""A few models of the hub to choose from, as `hub.toml` lists them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple


class KnownModel(NamedTuple):
    """A model of the hub of a kind that FreeSeg reads, as `hub.toml` describes it.

    Attributes:
        name: Its name on the hub.
        about: What it is, in a few words.
        megabytes: Size of its weights.
        licence: The licence that its page names.
    """

    name: str
    about: str
    megabytes: int
    licence: str


@cache
def known_models() -> tuple[KnownModel, ...]:
    """A few models of the hub to choose from; none of them ships with FreeSeg.

    Example:
        >>> known_models()[0].name
        'openai/clip-vit-base-patch16'
    """
    text = resources.files("freeseg.models.hub").joinpath("hub.toml").read_text(encoding="utf-8")
    return tuple(KnownModel(**entry) for entry in tomllib.loads(text)["model"])
