"""Models on transformers' towers: a CLIP as it is, whose heads pass on what the checkpoint's own projections give,
and the config of one whose heads were trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from freeseg.decision.masks import Decision
from freeseg.errors import WeightsError
from freeseg.models.checkpoint import Config, Preprocessing
from freeseg.models.iclip import ICLIP
from freeseg.models.towers.lite import TEXT_TOWER
from freeseg.models.towers.pair import TowerPair, pixels_of
from freeseg.models.towers.transformer.folder import Pixels
from freeseg.models.towers.transformer.loading import load_checkpoint

RESOLUTION_FACTOR = (
    1.5  # photos are seen at this many times the training size: 336 for 224, as SCLIP and its successors do
)
LONG_CAP = 12.0  # long photos are seen through windows, so their short side need not shrink
SAME_MEANING = 0.95  # any two words are near in a CLIP's text space


def load_transformer(folder: Path, name: str, mode: str | None = None, revision: str = "") -> tuple[ICLIP, Config]:
    """A CLIP, SigLIP or SigLIP 2 from a folder in transformers' format, ready to segment.

    Raises:
        WeightsError: It cannot be used; the message says why.
    """
    loaded = load_checkpoint(folder, mode)
    if loaded.text is None:
        raise WeightsError(
            f"{name} knows images only, no words; train projections with freeseg pretrain --encoder, or use a CLIP"
        )
    if loaded.text.channels != loaded.image.channels:
        raise WeightsError(
            f"{name}: texts have {loaded.text.channels} channels but images {loaded.image.channels}; "
            "they are not in one space"
        )
    model = ICLIP(loaded.image, loaded.text, loaded.text.channels, 0, loaded.pixels.mean, loaded.pixels.std)
    model.pass_through()
    config = Config(
        name,
        image_tower=name,
        text_tower=name,
        mode=loaded.image.mode,
        projected=True,
        image_revision=revision,
        text_revision=revision,
        same_meaning=SAME_MEANING,
        preprocessing=preprocessing(loaded.pixels, loaded.image.stride),
        decision=decision(loaded.logit_scale),
        licence="see the model's own card",
    )
    return model.eval().requires_grad_(False), config


def trained_config(name: str, pair: TowerPair, model: ICLIP, **entries: Any) -> Config:
    """The config of a model whose heads were trained on a pair of towers; `entries` are the rest of it.

    The decision rule is FreeSeg-Lite's but for the background's margin, as the heads are trained with its losses; only
    there it was measured.
    """
    pixels = pixels_of(pair)
    return Config(
        name,
        image_tower=pair.image,
        text_tower=pair.text,
        mode=pair.mode,
        projected=pair.projected,
        image_revision=pair.image_revision,
        text_revision=pair.text_revision,
        same_meaning=Config.same_meaning if pair.text == TEXT_TOWER else SAME_MEANING,
        preprocessing=preprocessing(pixels, model.stride) if pixels else Preprocessing(),
        **entries,
    )


def preprocessing(pixels: Pixels, patch: int) -> Preprocessing:
    """A checkpoint's own preprocessing, for dense maps: whole patches, any shape, `RESOLUTION_FACTOR`.

    Example:
        >>> preprocessing(Pixels((0.0,) * 3, (1.0,) * 3, 224, "bicubic"), 16).short_side
        336
    """
    side = max(1, round(RESOLUTION_FACTOR * pixels.side / patch)) * patch
    return Preprocessing(side, LONG_CAP, patch, pixels.resample)


def decision(logit_scale: float) -> Decision:
    """A decision rule without a tuned number: softmax at the checkpoint's own logit scale, no margin, and every
    label that was asked for may appear. FreeSeg-Lite's numbers were measured on FreeSeg-Lite; for a CLIP nothing was
    (its weights cannot be had where this was written).

    Example:
        >>> decision(100.0).presence_ratio
        0.0
    """
    return Decision(smoothing=1, logit_scale=logit_scale, presence_ratio=0.0, presence_floor=0.0, background_margin=0.0)
