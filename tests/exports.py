"""Exported models for tests: their labels, and a tiny model with a decision rule of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
from safetensors.torch import load_file

from freeseg.decision.rule import Decision
from freeseg.export import Exported
from freeseg.export.description import TEXTS
from freeseg.loading import on_torch
from freeseg.models import Config, Preprocessing, TowerPair, checkpoint
from freeseg.models.config import WEIGHTS
from freeseg.models.iclip import ICLIP
from freeseg.pipeline import FreeSeg
from tiny import tell_patches_apart, tiny_iclip

ExportOnce = Callable[..., Exported]  # called with a name, a model, and what `export` takes but the folder
LABELS = "cat|kitten, dog, red car, grass"
PHOTO_LABELS = "cat, dog|puppy, sofa|couch"  # those of the examples in the documentation, so that all share a trace


def tiny_model(seed: int = 0, **rule: float) -> FreeSeg:
    """A tiny model with a decision rule of its own."""
    config = Config(
        "tiny", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(96), decision=replace(Decision(), **rule)
    )
    return on_torch(tell_patches_apart(tiny_iclip(seed=seed)), config)


def saved_model(folder: Path, model: ICLIP) -> FreeSeg:
    """A tiny model as `freeseg pretrain` or `freeseg train` leaves it, and in memory with the weights of the file."""
    towers = TowerPair("efficientnet-lite0", "all-minilm-l6-v2")  # so that a family answers for it
    config = checkpoint.save(model, Config("tiny", towers, preprocessing=Preprocessing(96)), folder)
    model.load_state_dict(load_file(folder / WEIGHTS), strict=False)
    return on_torch(model, config)


def described(path: Path) -> dict[str, Any]:
    """The metadata of an ONNX file, as the JSON file beside it has them."""
    proto = onnx.load(path, load_external_data=False)
    entries = {each.key: each.value for each in proto.metadata_props}
    return {key: value if key in TEXTS else json.loads(value) for key, value in entries.items()}
