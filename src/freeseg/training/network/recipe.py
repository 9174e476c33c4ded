"""How a segmentation network is trained: every setting that decides the result, apart from the data."""

from __future__ import annotations

from dataclasses import dataclass

from freeseg.errors import FreeSegError


@dataclass(frozen=True)
class NetworkRecipe:
    """How a segmentation network is trained: every setting that decides the result, apart from the data.

    The optimiser is AdamW with a warm-up and a cosine.

    Attributes:
        epochs: How many times a training goes through all photos.
        batch_size: How many photos each step sees.
        learning_rate: Highest learning rate, after the warm-up.
        weight_decay: Weight decay of AdamW.
        seed: Seed of everything that is drawn at random.
        partial_labels: Whether only the labels that are known to be in a photo compete in its loss. Otherwise all
            labels of the vocabulary do.
        partial_pixels: Whether only the most confident pixels of each label are learned from. Otherwise all pixels are.
        foreground_share: Share of each label's pixels that is learned from, the most confident ones.
        background_share: Share of the background's pixels that is learned from, the most confident ones.
        clamp: Largest loss that a pixel can have in the last part of the training.
        clamp_from: Where that last part begins, as a share of the training. 1 turns the clamp off.
        distill: Weight of the distance between the network's and the teacher's patch embeddings. 0 turns it off.
        side: Side of the squares that are cropped from photos, in pixels. It is a multiple of 32.
        smallest_crop: Side of the smallest crop, as a share of the photo's shorter side.
        colour: Largest random change of brightness, contrast and saturation, as a share.
        frozen_stride: The encoder's layers up to this stride keep their ImageNet weights. 0 trains all layers.
        encoder_rate: Learning rate of the encoder, as a share of the decoder's.
        self_training_rate: Learning rate of self-training rounds, as a share of the first training's.
        ema: Decay of the moving average of the weights. The averaged weights become the network.

    Raises:
        FreeSegError: A setting makes no sense; the message names it.

    Example:
        >>> NetworkRecipe(epochs=4, learning_rate=2e-4).batch_size
        16
    """

    epochs: int = 2
    batch_size: int = 16
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    seed: int = 0
    partial_labels: bool = True
    partial_pixels: bool = True
    foreground_share: float = 0.7
    background_share: float = 0.7
    clamp: float = 2.0
    clamp_from: float = 0.6
    distill: float = 2.0
    side: int = 224
    smallest_crop: float = 0.6
    colour: float = 0.3
    frozen_stride: int = 16
    encoder_rate: float = 0.2
    self_training_rate: float = 0.3
    ema: float = 0.998

    def __post_init__(self) -> None:
        for name in ("foreground_share", "background_share", "smallest_crop", "self_training_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise FreeSegError(f"{name} is {getattr(self, name)}; it must be above 0 and at most 1")
        for name in ("clamp_from", "colour", "encoder_rate", "ema"):
            if not 0 <= getattr(self, name) <= 1:
                raise FreeSegError(f"{name} is {getattr(self, name)}; it must be from 0 to 1")
        if self.seed < 0 or self.weight_decay < 0 or self.frozen_stride < 0:
            raise FreeSegError("seed, weight decay and frozen stride must not be below 0")
        if self.side < 32 or self.side % 32:
            raise FreeSegError(f"side is {self.side}; it must be a multiple of 32")
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0 or self.clamp <= 0 or self.distill < 0:
            raise FreeSegError(
                "epochs and batch size must be at least 1, learning rate and clamp above 0, distill not below 0"
            )
