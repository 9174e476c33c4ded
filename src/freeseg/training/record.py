"""What a model's config says about how it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freeseg.models.versions import versions


def training_record(
    recipe: Mapping[str, Any], sources: Mapping[str, int], command: str, **entries: Mapping[str, Any]
) -> dict[str, Any]:
    """The record of a training: recipe, data, command, and the versions of the packages that it depends on.

    Args:
        recipe: All settings, by name.
        sources: How many photos each source has.
        command: The command line, or the call, that trained it.
        **entries: What else it was made with, by role: other models with their hashes, for instance.

    Example:
        >>> list(training_record({"epochs": 2}, {"photos": 240}, "freeseg train", teacher={"freeseg-lite": "..."}))
        ['recipe', 'teacher', 'sources', 'command', 'versions']
    """
    return {
        "recipe": dict(recipe),
        **{role: dict(entry) for role, entry in entries.items()},
        "sources": dict(sources),
        "command": command,
        "versions": versions(),
    }
