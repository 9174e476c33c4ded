"""Models of the Hugging Face hub: what they consist of, fetching them, and errors that say what to do.

What describes or fetches a model is imported when it is first used: it needs huggingface_hub, which takes long to
import, and which an installation without PyTorch does not have.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from freeseg.models.hub.known_models import KnownModel, known_models
from freeseg.models.hub.names import is_name, may_be_read, name_by_user, named_by_user, named_in_a_file, trust
from freeseg.models.hub.required_files import required_files

if TYPE_CHECKING:
    from freeseg.models.hub.pushing import Pushed, plan_push, push
    from freeseg.models.hub.repository import ModelFiles, describe, download, resolve

__all__ = [
    "KnownModel",
    "ModelFiles",
    "Pushed",
    "describe",
    "download",
    "is_name",
    "known_models",
    "may_be_read",
    "name_by_user",
    "named_by_user",
    "named_in_a_file",
    "plan_push",
    "push",
    "required_files",
    "resolve",
    "trust",
]
_PUSHING = ("Pushed", "plan_push", "push")


def __getattr__(name: str) -> Any:
    if name in __all__:
        module = "pushing" if name in _PUSHING else "repository"
        return getattr(importlib.import_module(f"freeseg.models.hub.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
