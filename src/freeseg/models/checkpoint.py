"""A FreeSeg model on disk: a folder with `config.json`, `model.safetensors` and a `README.md` (the model card).

The file of tensors holds what was trained; frozen towers stay where they came from. Nothing is unpickled.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised

from freeseg.errors import PATH_CHARACTERS, WeightsError, reason, shortened
from freeseg.files import sha256, write_bytes
from freeseg.models import hub
from freeseg.models.card import write_description
from freeseg.models.config import WEIGHTS, Config, TowerPair, read_config
from freeseg.models.iclip import ICLIP
from freeseg.models.packaged_weights import check_sha256
from freeseg.models.towers import family_of, known_names, towers_sha256, untrained


def new_config(name: str, towers: TowerPair, model: ICLIP, **entries: Any) -> Config:
    """The config of a model whose heads were trained on a pair of towers; `entries` are its other fields.

    The decision rule is the default one, as all heads are trained with the same losses; it was measured on FreeSeg-Lite
    only.
    """
    return Config(
        name,
        towers,
        same_meaning=family_of(towers.text).same_meaning,
        preprocessing=family_of(towers.image).preprocessing(towers, stride=model.stride),
        **entries,
    )


def save(model: ICLIP, config: Config, folder: Path) -> Config:
    """Write the trained tensors of a model (as float16), its config and its model card.

    Returns:
        The config as it was written, with the sha256 of the tensors' file and of the frozen towers.

    Raises:
        OutputError: The folder cannot be written.
    """
    tensors = {
        name: each.detach().to("cpu", torch.float16).contiguous() for name, each in model.trained_tensors().items()
    }
    write_bytes(folder / WEIGHTS, serialised(tensors))  # safetensors' own writing raises errors of its own kind
    written = sha256(folder / WEIGHTS)
    complete = replace(config, weights_sha256=written, towers_sha256=towers_sha256(config.towers))
    write_description(complete, folder)
    return complete


def load(folder: Path) -> tuple[ICLIP, Config]:
    """The model of a folder, ready to use, with its config.

    Raises:
        WeightsError: It is missing or altered, or was trained on other towers than those installed.
    """
    config = read_config(folder)
    _check_towers(config, folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise WeightsError(f"{path} is missing; write the model again, or reinstall freeseg for an embedded one")
    check_sha256(path, config.weights_sha256, fix="install FreeSeg again, or train the model again")
    model = untrained(config.towers, hidden=config.hidden)
    try:
        tensors = load_file(path)
        missing = model.load_state_dict(tensors, strict=False).missing_keys
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} does not fit its config ({reason(error)}); write the model again") from error
    if spoilt := [name for name, each in tensors.items() if not torch.isfinite(each).all()]:
        raise WeightsError(f"{path} has values that are no numbers in {shortened(spoilt[0])}; write the model again")
    if lacking := sorted(set(missing) & set(model.trained_tensors())):
        raise WeightsError(f"{path} lacks {', '.join(lacking)}; write it again")
    return model.eval().requires_grad_(False), config


def _check_towers(config: Config, folder: Path) -> None:
    for tower in {config.towers.image, config.towers.text}.difference(known_names()):
        _check_place(tower, folder)
    try:
        family_of(config.towers.image)
    except WeightsError:
        tower = config.towers.image
        known = ", ".join(known_names())
        raise WeightsError(
            f"{folder} was trained on image tower {shortened(tower, PATH_CHARACTERS)}; this version knows {known}"
        ) from None
    if config.towers_sha256 != towers_sha256(config.towers):
        raise WeightsError(f"{folder} was trained on other tower weights than those installed; train it again")


def _check_place(tower: str, folder: Path) -> None:
    """Check that a tower may be read which the config of a model names, that may come from a stranger."""
    if hub.is_name(tower):
        return
    if not hub.may_be_read(tower, folder):
        raise WeightsError(
            f"{folder} stands on the tower {shortened(tower, PATH_CHARACTERS)}, which lies elsewhere and was not named "
            "by you; if you trust it, set the variable FREESEG_TOWERS to the folder that it is in"
        )
    hub.trust(tower)  # what is made of this model stands on it too
