"""What a user of an ONNX file must know: it is in the file's own metadata, and beside it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import onnx

from freeseg.errors import WeightsError
from freeseg.export.graph import ABSENT
from freeseg.pipeline import FreeSeg

Description = Mapping[str, Any]
TEXTS = ("model", "freeseg_version", "licence", "weights_sha256")  # kept as they are; the other entries are JSON


def describe(model: FreeSeg, labels: Sequence[str] | None) -> Description:
    """What an exported model is.

    Args:
        model: The model.
        labels: What the indices of the logits mean, in order; None for an open vocabulary.

    Returns:
        `model`, `freeseg_version`, `licence`, `weights_sha256` (text); `labels` (a list, or None); `preprocessing`
        and `decision` (the fields of `config.Preprocessing` and `Decision`); `stride` (pixels a patch);
        `absent` (the logit of a label that is not present).
    """
    config = model.config
    return {
        "model": model_name(config.name),
        "freeseg_version": metadata.version("freeseg"),
        "licence": config.licence,
        "weights_sha256": model.weights_sha256,
        "labels": None if labels is None else list(labels),
        "preprocessing": asdict(config.preprocessing),
        "decision": asdict(config.decision),
        "stride": model.engine.stride,
        "absent": ABSENT,
    }


def model_name(name: str) -> str:
    """A model's name without the folders that it lies in here; a name on the hub stays whole.

    Example:
        >>> model_name("openai/clip-vit-base-patch16"), model_name("/somewhere/here/my-model")
        ('openai/clip-vit-base-patch16', 'my-model')
    """
    return Path(name).name if Path(name).is_absolute() else name


def attach(proto: onnx.ModelProto, description: Description) -> None:
    """Put a description into an ONNX model, in the place of what metadata it has."""
    del proto.metadata_props[:]
    texts = {key: value if key in TEXTS else json.dumps(value) for key, value in description.items()}
    onnx.helper.set_model_props(proto, texts)


def read(path: Path) -> Description:
    """The description in an ONNX file that FreeSeg wrote.

    Raises:
        WeightsError: It is none.
    """
    try:
        proto = onnx.load(path, load_external_data=False)
        entries = {each.key: each.value for each in proto.metadata_props}
        return {key: entries[key] if key in TEXTS else json.loads(entries[key]) for key in (*TEXTS, *entries)}
    except Exception as error:  # onnx raises protobuf's errors, which have no common name
        raise WeightsError(f"{path} is no ONNX file of freeseg export ({type(error).__name__}); export it") from error
