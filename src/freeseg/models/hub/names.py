"""Which names can be those of models on the hub. To import this needs no huggingface_hub."""

from __future__ import annotations

import re

PART = r"(?=[A-Za-z0-9_])[A-Za-z0-9_.-]{1,96}(?<=[A-Za-z0-9_])"
NAME = re.compile(f"{PART}/{PART}")


def is_name(name: str) -> bool:
    """Whether this may be the name of a model on the hub: `owner/name`, in the letters and signs that it takes.

    Example:
        >>> [is_name(name) for name in ("openai/clip-vit-base-patch16", "freeseg-lite-iclip", "./folder", "a/b/c")]
        [True, False, False, False]
    """
    taken = NAME.fullmatch(name) is not None
    return taken and not any(part in name for part in ("--", "..")) and not name.endswith(".git")
