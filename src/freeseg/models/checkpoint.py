"""A FreeSeg model on disk: a folder with `config.json`, `model.safetensors` and a `README.md` (model card).

The config carries everything a user would otherwise have to know: towers, preprocessing, the decision
rule, what the model was trained on and what was measured. Tensors are safetensors; nothing is unpickled.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised

from freeseg.decision.masks import Decision
from freeseg.errors import WeightsError
from freeseg.files import atomic_path, sha256, write_json, write_text
from freeseg.models.iclip import ICLIP
from freeseg.models.packaged_weights import check_sha256
from freeseg.models.towers import lite
from freeseg.models.towers.pair import TowerPair, hashes, is_transformer_name, untrained

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
FORMAT = "freeseg-1"


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes pixels.

    Attributes:
        short_side: The photo is resized to it ...
        long_cap: ... its long side to at most this many times that.
        multiple: Both sides are rounded to multiples of this: whole patches of a transformer.
        resample: "bicubic" or "bilinear", both antialiased.
    """

    short_side: int = 352
    long_cap: float = 4.0
    multiple: int = 1
    resample: str = "bicubic"


@dataclass(frozen=True)
class Config:
    """What a checkpoint says of itself.

    Attributes:
        image_tower, text_tower, mode, projected, image_revision, text_revision: The towers, see `towers.TowerPair`.
        hidden: Width of the image head's hidden layer; 0 for a linear head.
        same_meaning: Cosine of words, in the text tower's own space, above which a background word is a label.
        towers: Name of each tower -> sha256 of its weights.
    """

    name: str
    image_tower: str
    text_tower: str = lite.TEXT_TOWER
    hidden: int = 0
    mode: str = ""
    projected: bool = False
    image_revision: str = ""
    text_revision: str = ""
    same_meaning: float = 0.75
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    decision: Decision = field(default_factory=Decision)
    licence: str = "Apache-2.0"
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    towers: dict[str, str] = field(default_factory=dict)
    weights_sha256: str = ""
    format: str = FORMAT

    @property
    def pair(self) -> TowerPair:
        """The towers, by name."""
        return TowerPair(
            self.image_tower, self.text_tower, self.mode, self.projected, self.image_revision, self.text_revision
        )


def versions() -> dict[str, str]:
    """The versions that a training depends on, for the record."""
    packages = ("freeseg", "torch", "transformers", "numpy", "pillow")
    return {"python": platform.python_version(), **{package: metadata.version(package) for package in packages}}


def save(model: ICLIP, config: Config, folder: Path) -> Config:
    """Write the heads of a model (float16) and its config; gives the config with the weights' hash in it.

    Raises:
        OutputError: The folder cannot be written.
    """
    tensors = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in model.heads().items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        temporary.write_bytes(serialised(tensors))  # safetensors' own writing has errors of its own kind
    digest = sha256(folder / WEIGHTS)
    complete = replace(config, weights_sha256=digest, towers=hashes(config.pair))
    write_json(folder / CONFIG, asdict(complete))
    write_text(folder / CARD, model_card(complete))
    return complete


def record(folder: Path, metrics: dict[str, Any]) -> Config:
    """Add measured numbers to the config and the model card of a model folder.

    Raises:
        WeightsError: The folder holds no FreeSeg model.
        OutputError: It cannot be written.
    """
    config = read_config(folder)
    config = replace(config, metrics=config.metrics | metrics)
    write_json(folder / CONFIG, asdict(config))
    write_text(folder / CARD, model_card(config))
    return config


def read_config(folder: Path) -> Config:
    """The config of a model folder.

    Raises:
        WeightsError: The folder holds no FreeSeg model, or one of another format.
    """
    path = folder / CONFIG
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{folder} holds no {CONFIG}; give the folder that freeseg pretrain wrote") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}); write the model again") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise WeightsError(f"{path} is not a FreeSeg model of format {FORMAT}; update freeseg or train it again")
    unknown = set(raw) - {entry.name for entry in fields(Config)}
    if unknown:
        raise WeightsError(f"{path} has unknown entries ({', '.join(sorted(unknown))}); update freeseg")
    try:
        raw["preprocessing"] = Preprocessing(**raw["preprocessing"])
        raw["decision"] = Decision(**raw["decision"])
        return Config(**raw)
    except (TypeError, KeyError) as error:
        raise WeightsError(f"{path} is incomplete ({error}); write the model again") from error


def load(folder: Path) -> tuple[ICLIP, Config]:
    """The model of a folder, ready to use, with its config.

    Raises:
        WeightsError: Missing, altered, or trained on other towers than those installed.
    """
    config = read_config(folder)
    own = (*lite.IMAGE_TOWERS, *lite.NETWORKS)
    if config.image_tower not in own and not is_transformer_name(config.image_tower):
        known = ", ".join(own)
        raise WeightsError(f"{folder} was trained on image tower {config.image_tower!r}; this version knows {known}")
    if config.towers != hashes(config.pair):
        raise WeightsError(f"{folder} was trained on other tower weights than those installed; train it again")
    path = folder / WEIGHTS
    if not path.is_file():
        raise WeightsError(f"{path} is missing; write the model again, or reinstall freeseg for an embedded one")
    check_sha256(path, config.weights_sha256, fix="install FreeSeg again, or train the model again")
    model = untrained(config.pair, config.hidden)
    try:
        missing = model.load_state_dict(load_file(path), strict=False).missing_keys
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch takes several lines
        raise WeightsError(f"{path} does not fit its config ({reason}); write the model again") from error
    if set(missing) & set(model.heads()):
        raise WeightsError(f"{path} lacks {', '.join(sorted(set(missing) & set(model.heads())))}; write it again")
    return model.eval().requires_grad_(False), config


_ICLIP = """An Interpretable CLIP (ICLIP) of FreeSeg: {} and {}, frozen, joined by
projections that were trained on photos, their captions, and the names of the ImageNet classes that the image tower
sees in them. It has never seen a mask."""
_NETWORK = """A segmentation network of FreeSeg, trained on free masks: those that its teacher made of photos without
masks. Any words can be asked for. Neither of the two has ever seen an annotated mask."""


def model_card(config: Config) -> str:
    """The model card as Markdown: what it is, what it saw, what was measured, what it may be used for."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in config.metrics.items())
    sources = "\n".join(f"- {name}: {count:,} photos" for name, count in config.training.get("sources", {}).items())
    return f"""# {config.name}

{_NETWORK if config.image_tower in lite.NETWORKS else _ICLIP.format(config.image_tower, config.text_tower)}

Licence: {config.licence}.

## Trained on

{sources}

Command: `{config.training.get("command", "")}`

## Measured

| | |
|---|---|
{rows}

## Limits

It knows the words of its captions and of ImageNet's class names best. Small and thin things, and parts of
things, are often missed. Labels that mean nearly the same compete for the same pixels. It carries the
biases of its captions. Not for decisions about people.
"""
