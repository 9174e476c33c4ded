"""A folder in transformers' format -> the towers in it."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from freeseg.errors import WeightsError, reason, shortened
from freeseg.models.towers.transformer.dense import MODES
from freeseg.models.towers.transformer.folder import (
    CheckpointPixels,
    check_activation,
    model_type,
    read_pixels,
    weight_files,
)
from freeseg.models.towers.transformer.kinds import KINDS
from freeseg.models.towers.transformer.text import TransformerText, read_tokens
from freeseg.models.towers.transformer.vision import ClipVision, DinoVision, NaflexVision, SiglipVision, VisionTower

IMAGE_TOWERS: dict[str, type[ClipVision | SiglipVision]] = {
    "clip": ClipVision,
    "siglip": SiglipVision,
    "siglip2": NaflexVision,
}
NAMED_TENSORS = 3  # how many tensors a message names


class Checkpoint(NamedTuple):
    """A checkpoint in memory.

    Attributes:
        image: The image tower.
        text: The text tower; None for a checkpoint of images only.
        pixels: What it says of its training photos.
        logit_scale: Cosines are multiplied by it before a softmax; 0 without a text tower.
    """

    image: VisionTower
    text: TransformerText | None
    pixels: CheckpointPixels
    logit_scale: float


def load_checkpoint(folder: Path, *, mode: str = "", projected: bool = True) -> Checkpoint:
    """The towers of a checkpoint, frozen.

    Args:
        folder: In transformers' format.
        mode: One of `dense.MODES`; "" for the one of its kind.
        projected: Whether patch features end in the checkpoint's own joint space.

    Raises:
        WeightsError: A file is missing, altered or contradicts another; the mode or the kind of model is unknown.
    """
    kind = model_type(folder)
    mode = mode or KINDS[kind].mode
    if mode not in MODES:
        raise WeightsError(f"no dense mode is called {shortened(mode)}; there are: {', '.join(MODES)}")
    pixels = read_pixels(folder)
    if not KINDS[kind].knows_words:
        return Checkpoint(_frozen(DinoVision(_network(folder, kind), mode=mode)), None, pixels, 0.0)
    check_activation(folder)
    network = _network(folder, kind)
    if kind != "clip" and not network.vision_model.use_head:
        raise WeightsError(f"{folder} has no pooling head (vision_use_head), so its patches have no words; use another")
    projection = getattr(network, "visual_projection", None)
    image = IMAGE_TOWERS[kind](network.vision_model, projection, mode=mode, projected=projected)
    tokens = read_tokens(folder, network.text_model)
    text = TransformerText(network.text_model, getattr(network, "text_projection", None), tokens)
    return Checkpoint(_frozen(image), _frozen(text), pixels, math.exp(network.logit_scale.item()))


def _network(folder: Path, kind: str) -> Any:
    """The model of transformers in float32; every weight comes from the checkpoint, and every weight of it is used."""
    import transformers

    options = {"add_pooling_layer": False} if kind == "vit" else {}
    weight_files(folder)
    with _quiet(), _one_line(folder):
        network, report = getattr(transformers, KINDS[kind].network).from_pretrained(
            folder,
            local_files_only=True,
            weights_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they come back in the report, and are refused below in one line
            **options,
        )
    wrong = {
        "lacks": sorted(report["missing_keys"]),
        "has other shapes than config.json says:": sorted(str(key[0]) for key in report["mismatched_keys"]),
    }
    for complaint, names in wrong.items():
        if names:
            more = f" and {len(names) - NAMED_TENSORS} more" if len(names) > NAMED_TENSORS else ""
            shown = ", ".join(names[:NAMED_TENSORS]) + more
            raise WeightsError(f"{folder} {complaint} {shown}; download the whole checkpoint again")
    return network


def _frozen(tower: Any) -> Any:
    return tower.eval().requires_grad_(False)


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Errors of transformers, safetensors or the unpickler over a damaged checkpoint, as one line."""
    try:
        yield
    except Exception as error:
        cause = f"{type(error).__name__}: {reason(error)}"
        raise WeightsError(f"{folder} cannot be loaded ({cause}); download it again") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no reports on the terminal; the settings of transformers are put back."""
    from transformers.utils import logging as messages

    bars, level = messages.is_progress_bar_enabled(), messages.get_verbosity()
    messages.disable_progress_bar()
    messages.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        messages.set_verbosity(level)
        if bars:
            messages.enable_progress_bar()
