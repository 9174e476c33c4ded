"""The family of checkpoints in transformers' format: CLIP, SigLIP, SigLIP 2, DINOv2 and DINO's ViT.

A checkpoint with words is an ICLIP by itself: its own projections end in one joint space, so that its heads are
identities. One without words lends its image tower to heads that `freeseg pretrain` trains.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg.decision.rule import Decision
from freeseg.errors import WeightsError
from freeseg.files import is_folder
from freeseg.models.config import Config, Preprocessing, TowerPair, full_name
from freeseg.models.towers.family import Family, OpenedImageTower
from freeseg.models.towers.transformer.kinds import DENSE_MODES, KINDS

if TYPE_CHECKING:
    from freeseg.models.class_attention import ClassAttention
    from freeseg.models.iclip import ICLIP, TextTower
    from freeseg.models.towers.transformer.folder import CheckpointPixels

# Photos are seen at this many times the size of the training photos: 336 for 224, as SCLIP and its successors do.
TRAINING_SIZE_FACTOR = 1.5
LONG_CAP = 12.0  # long photos are seen through windows, so their short side need not shrink


class TransformerFamily(Family):
    """Towers in folders in transformers' format, and of the hub."""

    image_towers = "a CLIP, SigLIP or DINOv2: a folder, or a name on huggingface.co"
    dense_modes = DENSE_MODES
    runs_through_onnx = False  # an exported file has no windows, through which long photos are seen
    same_meaning = 0.95  # any two words are near in the text space of a CLIP

    def knows(self, name: str) -> bool:
        """See `Family.knows`: any folder, and whatever may be a name on the hub."""
        return "/" in name or is_folder(name)

    def full_name(self, name: str) -> str:
        """See `Family.full_name`: a folder by its whole path."""
        return full_name(name)

    def resolve(self, towers: TowerPair) -> TowerPair:
        """See `Family.resolve`."""
        from freeseg.models.towers.transformer.folder import model_type

        kind = KINDS[model_type(_folder(towers.image, towers.image_revision))]
        text = towers.text or (towers.image if kind.knows_words else "")
        text_revision = towers.image_revision if text == towers.image else ""
        return replace(towers, text=text, mode=towers.mode or kind.mode, text_revision=text_revision)

    def sha256(self, name: str, *, revision: str = "") -> str:
        """See `Family.sha256`."""
        from freeseg.models.towers.transformer.folder import weights_sha256

        return weights_sha256(_folder(name, revision))

    def image_identity(self, towers: TowerPair, *, weights_sha256: str = "") -> str:
        """See `Family.image_identity`: the same weights give other features in another mode."""
        own = self.sha256(towers.image, revision=towers.image_revision)
        return f"{own} {towers.mode} {towers.projected}" if towers.mode else own

    def preprocessing(self, towers: TowerPair, *, stride: int) -> Preprocessing:
        """See `Family.preprocessing`."""
        from freeseg.models.towers.transformer.folder import read_pixels

        return dense_preprocessing(read_pixels(_folder(towers.image, towers.image_revision)), patch=stride)

    def open_image(self, towers: TowerPair) -> OpenedImageTower:
        """See `Family.open_image`."""
        from freeseg.models.towers.transformer.loading import load_checkpoint

        folder = _folder(towers.image, towers.image_revision)
        checkpoint = load_checkpoint(folder, mode=towers.mode, projected=towers.projected)
        same = (towers.image, towers.image_revision) == (towers.text, towers.text_revision)
        return OpenedImageTower(checkpoint.image, checkpoint.pixels.normalisation, checkpoint.text if same else None)

    def open_text(self, name: str, *, revision: str = "") -> TextTower:
        """See `Family.open_text`."""
        from freeseg.models.towers.transformer.loading import load_checkpoint

        return load_checkpoint(_folder(name, revision)).text or super().open_text(name)

    def open_attention(self, name: str, *, revision: str = "") -> ClassAttention:
        """See `Family.open_attention`."""
        from freeseg.models.class_attention import ClassAttention
        from freeseg.models.towers.transformer.loading import load_checkpoint

        checkpoint = load_checkpoint(_folder(name, revision))
        if not checkpoint.image.class_tokens:
            return super().open_attention(name)
        return ClassAttention(checkpoint.image, checkpoint.pixels.normalisation).eval()

    def holds(self, folder: Path) -> bool:
        """See `Family.holds`."""
        from freeseg.models.towers.transformer.folder import is_transformer

        return is_transformer(folder)

    def zero_shot(self, folder: Path, name: str, *, mode: str = "", revision: str = "") -> tuple[ICLIP, Config]:
        """See `Family.zero_shot`."""
        from freeseg.models.iclip import ICLIP
        from freeseg.models.towers.transformer.loading import load_checkpoint

        checkpoint = load_checkpoint(folder, mode=mode)
        image, text, pixels = checkpoint.image, checkpoint.text, checkpoint.pixels
        if text is None:
            raise WeightsError(
                f"{name} knows images only, no words; train projections with freeseg pretrain --image-tower, "
                "or use a CLIP"
            )
        if text.channels != image.channels:
            raise WeightsError(
                f"{name}: texts have {text.channels} channels but images {image.channels}; they are not in one space"
            )
        model = ICLIP(image, text, text.channels, normalisation=pixels.normalisation)
        model.set_identity_heads()
        config = Config(
            name,
            TowerPair(name, name, image.mode, True, revision, revision),
            same_meaning=self.same_meaning,
            preprocessing=dense_preprocessing(pixels, patch=image.stride),
            decision=untuned_decision(checkpoint.logit_scale),
            licence="see the model's own card",
        )
        return model.eval().requires_grad_(False), config


def dense_preprocessing(pixels: CheckpointPixels, *, patch: int) -> Preprocessing:
    """How photos are resized for dense maps: any shape, in whole patches, larger than in training.

    Args:
        pixels: What the checkpoint says of its training photos.
        patch: Side of a patch in pixels.

    Example:
        >>> from freeseg.models.config import PixelNormalisation
        >>> from freeseg.models.towers.transformer.folder import CheckpointPixels
        >>> dense_preprocessing(CheckpointPixels(PixelNormalisation(), 224, "bicubic"), patch=16).short_side
        336
    """
    side = max(1, round(TRAINING_SIZE_FACTOR * pixels.side / patch)) * patch
    return Preprocessing(side, LONG_CAP, patch, pixels.resample)


def untuned_decision(logit_scale: float) -> Decision:
    """A decision rule without tuned numbers: a softmax at the checkpoint's own logit scale.

    The background has no margin, and every label that was asked for may appear. The default rule's numbers were
    measured on FreeSeg-Lite; for a CLIP none were measured yet.

    Example:
        >>> untuned_decision(100.0).presence_ratio
        0.0
    """
    return Decision(
        smoothing=1,
        logit_scale=logit_scale,
        presence_share=0.06,
        presence_ratio=0.0,
        presence_floor=0.0,
        presence_weight=0.0,
        background_margin=0.0,
    )


def _folder(name: str, revision: str) -> Path:
    from freeseg.models import hub

    return hub.resolve(name, revision=revision or None)
