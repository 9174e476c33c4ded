"""Models: towers, ICLIP, checkpoints, and the registry of those that ship with FreeSeg."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from freeseg.errors import WeightsError
from freeseg.models.checkpoint import CONFIG, Config, load, read_config
from freeseg.models.iclip import ICLIP

DEFAULT = "freeseg-lite-iclip"
# name -> folder inside the package
EMBEDDED = {DEFAULT: "weights/freeseg-lite-iclip"}


def embedded_folder(name: str) -> Path:
    """Where an embedded model is."""
    return Path(str(resources.files("freeseg").joinpath(*EMBEDDED[name].split("/"))))


def load_model(name: str | Path = DEFAULT) -> tuple[ICLIP, Config]:
    """A model by name, or from a folder that `freeseg pretrain` wrote.

    Raises:
        WeightsError: No such model; the message lists those there are.
    """
    return load(find_model(name))


def find_model(name: str | Path = DEFAULT) -> Path:
    """The folder of a model, by name or path.

    Raises:
        WeightsError: No such model; the message lists those there are.
    """
    if str(name) in EMBEDDED:
        return embedded_folder(str(name))
    folder = Path(name)
    if (folder / CONFIG).is_file():
        return folder
    raise WeightsError(f"no model {str(name)!r}; use a folder that freeseg pretrain wrote, or: {', '.join(EMBEDDED)}")


__all__ = ["DEFAULT", "EMBEDDED", "ICLIP", "Config", "embedded_folder", "find_model", "load_model", "read_config"]
