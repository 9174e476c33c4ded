"""The model card: what a model is, what it was trained on, what was measured, and where its limits are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from freeseg.files import write_json, write_text
from freeseg.models.config import CONFIG, Config, read_config
from freeseg.models.towers import family_of

CARD = "README.md"
_ICLIP = """An Interpretable CLIP (ICLIP) of FreeSeg: {} and {}, frozen, joined by
projections that were trained on photos, their captions, and the names of the ImageNet classes that the image tower
sees in them. It has never seen a mask."""
_NETWORK = """A segmentation network of FreeSeg, trained on free masks: those that its teacher made of photos without
masks. Any words can be asked for. Neither of the two has ever seen an annotated mask."""


def record(folder: Path, metrics: dict[str, Any]) -> Config:
    """Add measured numbers to the config and the model card of a model folder.

    Raises:
        WeightsError: The folder holds no FreeSeg model.
        OutputError: It cannot be written.
    """
    config = read_config(folder)
    config = replace(config, metrics=config.metrics | metrics)
    write_description(config, folder)
    return config


def write_description(config: Config, folder: Path) -> None:
    """Write the config and the model card of a model folder.

    Raises:
        OutputError: The folder cannot be written.
    """
    write_json(folder / CONFIG, config.to_json())
    write_text(folder / CARD, model_card(config))


def model_card(config: Config) -> str:
    """The model card of a model that FreeSeg trained, as Markdown.

    Raises:
        WeightsError: No family knows the model's image tower.
    """
    towers = config.towers
    network = family_of(towers.image).trains_image_tower
    rows = "\n".join(f"| {name} | {value} |" for name, value in config.metrics.items())
    sources = "\n".join(f"- {name}: {count:,} photos" for name, count in config.training.get("sources", {}).items())
    return f"""# {config.name}

{_NETWORK if network else _ICLIP.format(towers.image, towers.text)}

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
