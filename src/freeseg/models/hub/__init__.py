"""Models of the Hugging Face hub: what they consist of, fetching them, and errors that say what to do."""

from freeseg.models.hub.known_models import KnownModel, known_models
from freeseg.models.hub.repository import ModelFiles, describe, download, is_name, resolve
from freeseg.models.hub.required_files import required_files

__all__ = [
    "KnownModel",
    "ModelFiles",
    "describe",
    "download",
    "is_name",
    "known_models",
    "required_files",
    "resolve",
]
