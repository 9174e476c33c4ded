"""Models: towers, ICLIP, checkpoints, and the registry of those that ship with FreeSeg."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import torch

from freeseg.errors import WeightsError
from freeseg.files import is_file, is_folder
from freeseg.models.checkpoint import CONFIG, Config, load, read_config
from freeseg.models.hub import repository as hub
from freeseg.models.iclip import ICLIP
from freeseg.models.towers.pair import lasting
from freeseg.models.towers.transformer.folder import is_transformer
from freeseg.models.towers.zero_shot import load_transformer

DEFAULT, TEACHER = "freeseg-lite", "freeseg-lite-iclip"  # the segmentation network, and the ICLIP that taught it
# name -> folder inside the package
EMBEDDED = {name: f"weights/{name}" for name in (DEFAULT, TEACHER)}


def embedded_folder(name: str) -> Path:
    """Where an embedded model is."""
    return Path(str(resources.files("freeseg").joinpath(*EMBEDDED[name].split("/"))))


def load_model(
    name: str | Path = DEFAULT,
    revision: str | None = None,
    mode: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[ICLIP, Config]:
    """A model by name: embedded, from a folder, or from the hub.

    Args:
        name: An embedded model's name, a folder that `freeseg pretrain` or `freeseg train` wrote, or a
            folder or a name on the hub of a CLIP, SigLIP or SigLIP 2 in transformers' format.
        revision: Of the hub; None for the newest.
        mode: How a transformer's patches go through its last blocks, one of `transformer.dense.MODES`.
        dtype: Precision of the towers.

    Raises:
        WeightsError: No such model; the message lists those there are. Or it cannot be used as asked.
    """
    folder = find_model(name, revision)
    if is_transformer(folder):
        model, config = load_transformer(folder, lasting(str(name)), mode, revision or "")
    else:
        model, config = load(folder)
        if mode not in (None, config.mode):
            had = f"was trained on mode {config.mode!r}" if config.mode else "has no dense modes"
            raise WeightsError(f"{config.name} {had}; leave --mode out")
    if dtype != torch.float32:
        model.towers_to(dtype)
    return model, config


def find_model(name: str | Path = DEFAULT, revision: str | None = None) -> Path:
    """The folder of a model, by name or path; a name on the hub is downloaded to the hub's own cache.

    Raises:
        WeightsError: No such model; the message lists those there are.
    """
    folder = embedded_folder(str(name)) if str(name) in EMBEDDED else Path(name)
    if is_file(folder / CONFIG):
        if revision is not None:
            raise WeightsError(f"{name} is here and has no revisions; leave --revision out")
        return folder
    if hub.is_name(str(name)) and not is_folder(folder):  # never an empty folder of one's own
        return hub.resolve(str(name), revision, weights_only=True)
    known = ", ".join(EMBEDDED)
    raise WeightsError(
        f"no model {str(name)!r}; use a folder with a {CONFIG}, a name on huggingface.co (owner/name), or: {known}"
    )


__all__ = [
    "DEFAULT",
    "EMBEDDED",
    "ICLIP",
    "TEACHER",
    "Config",
    "embedded_folder",
    "find_model",
    "load_model",
    "read_config",
]
