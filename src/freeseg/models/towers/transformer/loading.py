"""A folder in transformers' format -> towers, and an ICLIP whose heads are the checkpoint's own projections."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from freeseg.errors import WeightsError
from freeseg.models.towers.transformer import folder as files
from freeseg.models.towers.transformer.dense import MODES
from freeseg.models.towers.transformer.folder import Pixels
from freeseg.models.towers.transformer.text import TransformerText, read_tokens
from freeseg.models.towers.transformer.vision import ClipVision, DinoVision, NaflexVision, SiglipVision, VisionTower


class Loaded(NamedTuple):
    """A checkpoint in memory. `text` is None for one of images only."""

    image: VisionTower
    text: TransformerText | None
    pixels: Pixels
    logit_scale: float


SHOWN = 300
# Which way patches go through the last blocks where nobody chose: CLIP's raw maps are upside down (CLIP Surgery,
# arXiv 2304.05653); the others' patches are read out after the last block.
DEFAULT_MODES = {"clip": "surgery", "siglip": "raw", "siglip2": "raw", "dinov2": "raw", "vit": "raw"}


def load_checkpoint(folder: Path, mode: str | None = None, projected: bool = True) -> Loaded:
    """The towers of a checkpoint, frozen.

    Args:
        folder: In transformers' format.
        mode: One of `dense.MODES`; None for the family's own, `DEFAULT_MODES`.
        projected: Whether patch features end in the checkpoint's own joint space.

    Raises:
        WeightsError: A file is missing, altered or contradicts another; an unknown mode or kind of model.
    """
    kind = files.model_type(folder)
    mode = mode or DEFAULT_MODES[kind]
    if mode not in MODES:
        raise WeightsError(f"no dense mode is called {mode!r}; there are: {', '.join(MODES)}")
    pixels = files.read_pixels(folder)
    if kind in files.IMAGE_ONLY:
        return Loaded(_frozen(DinoVision(_network(folder, kind), mode)), None, pixels, 0.0)
    files.check_activation(folder)
    network = _network(folder, kind)
    towers: dict[str, type[ClipVision | SiglipVision]] = {
        "clip": ClipVision,
        "siglip": SiglipVision,
        "siglip2": NaflexVision,
    }
    if kind != "clip" and not network.vision_model.use_head:
        raise WeightsError(f"{folder} has no pooling head (vision_use_head), so its patches have no words; use another")
    image = towers[kind](network.vision_model, getattr(network, "visual_projection", None), mode, projected)
    tokens = read_tokens(folder, network.text_model)
    text = TransformerText(network.text_model, getattr(network, "text_projection", None), tokens)
    return Loaded(_frozen(image), _frozen(text), pixels, math.exp(network.logit_scale.item()))


def _network(folder: Path, kind: str) -> Any:
    """The model of transformers, float32, every weight from the checkpoint and every weight of it used."""
    import transformers

    names = {"clip": "CLIPModel", "siglip": "SiglipModel", "siglip2": "Siglip2Model", "dinov2": "Dinov2Model"}
    options = {"add_pooling_layer": False} if kind == "vit" else {}
    files.weight_files(folder)
    with _quiet(), _one_line(folder):
        network, report = getattr(transformers, names.get(kind, "ViTModel")).from_pretrained(
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
    for complaint, names_of in wrong.items():
        if names_of:
            shown = ", ".join(names_of[:3]) + (f" and {len(names_of) - 3} more" if len(names_of) > 3 else "")
            raise WeightsError(f"{folder} {complaint} {shown}; download the whole checkpoint again")
    return network


def _frozen(tower: Any) -> Any:
    return tower.eval().requires_grad_(False)


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Whatever transformers, safetensors or the unpickler say of a damaged checkpoint, as one line."""
    try:
        yield
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:SHOWN]
        raise WeightsError(f"{folder} cannot be loaded ({reason}); download it again") from error


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
