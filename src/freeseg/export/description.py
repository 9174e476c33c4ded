"""What the user of an ONNX file must know. It stands in the file's own metadata, and beside the file as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import onnx

from freeseg.export.graph import ABSENT
from freeseg.pipeline import FreeSeg

Description = Mapping[str, Any]
TEXTS = ("model", "freeseg_version", "licence", "weights_sha256")  # written as they are; other entries as JSON


def describe(model: FreeSeg, labels: Sequence[str] | None) -> Description:
    """Describe an exported model.

    Args:
        model: The model.
        labels: What each index of the logits means; None for a file that takes any words.

    Returns:
        `model`, `freeseg_version`, `licence` and `weights_sha256` are texts; `labels` is a list, or None;
        `preprocessing` holds the fields of `Preprocessing`, `decision` what `Decision.to_json` gives; `stride` is the
        side of a patch in pixels; `absent` is the logit of a label that is not present.
    """
    config = model.config
    return {
        "model": model_name(config.name),
        "freeseg_version": metadata.version("freeseg"),
        "licence": config.licence,
        "weights_sha256": model.weights_sha256,
        "labels": None if labels is None else list(labels),
        "preprocessing": asdict(config.preprocessing),
        "decision": config.decision.to_json(),
        "stride": model.engine.stride,
        "absent": ABSENT,
    }


def model_name(name: str) -> str:
    """A model's name without the folders that it is in on this machine; a name on the hub stays whole.

    Example:
        >>> model_name("openai/clip-vit-base-patch16"), model_name("/somewhere/here/my-model")
        ('openai/clip-vit-base-patch16', 'my-model')
    """
    return Path(name).name if Path(name).is_absolute() else name


def attach(proto: onnx.ModelProto, description: Description) -> None:
    """Replace the metadata of an ONNX model by a description."""
    del proto.metadata_props[:]
    texts = {key: value if key in TEXTS else json.dumps(value) for key, value in description.items()}
    onnx.helper.set_model_props(proto, texts)
