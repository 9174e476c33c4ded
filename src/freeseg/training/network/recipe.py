"""How a segmentation network is trained: every setting that decides the result, apart from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from freeseg.bounds import MOST_RATE, MOST_SEED, MOST_WEIGHT, Bounds, check_fields


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
        side: Side of the squares that are cropped from photos, in pixels. It is a multiple of 32, at most 2048.
        smallest_crop: Side of the smallest crop, as a share of the photo's shorter side.
        colour: Largest random change of brightness, contrast and saturation, as a share.
        frozen_stride: The encoder's layers up to this stride (2, 4, 8, 16 or 32) keep their ImageNet weights. 0 trains
            all layers.
        encoder_rate: Learning rate of the encoder, as a share of the decoder's.
        self_training_rate: Learning rate of self-training rounds, as a share of the first training's.
        ema: Decay of the moving average of the weights. The averaged weights become the network.

    Raises:
        FreeSegError: A setting makes no sense; the message names it.

    Example:
        >>> NetworkRecipe(epochs=4, learning_rate=2e-4).batch_size
        16
    """

    epochs: Annotated[int, Bounds(1, 1_000_000)] = 2
    batch_size: Annotated[int, Bounds(1, 1_000_000)] = 16
    learning_rate: Annotated[float, Bounds(above=0, most=MOST_RATE)] = 5e-4
    weight_decay: Annotated[float, Bounds(0, MOST_RATE)] = 0.01
    seed: Annotated[int, Bounds(0, MOST_SEED)] = 0
    partial_labels: bool = True
    partial_pixels: bool = True
    foreground_share: Annotated[float, Bounds(above=0, most=1)] = 0.7
    background_share: Annotated[float, Bounds(above=0, most=1)] = 0.7
    clamp: Annotated[float, Bounds(above=0, most=MOST_WEIGHT)] = 2.0
    clamp_from: Annotated[float, Bounds(0, 1)] = 0.6
    distill: Annotated[float, Bounds(0, MOST_WEIGHT)] = 2.0
    side: Annotated[int, Bounds(32, 2048, multiple=32)] = 224
    smallest_crop: Annotated[float, Bounds(above=0, most=1)] = 0.6
    colour: Annotated[float, Bounds(0, 1)] = 0.3
    frozen_stride: Annotated[int, Bounds(one_of=(0, 2, 4, 8, 16, 32))] = 16
    encoder_rate: Annotated[float, Bounds(0, 1)] = 0.2
    self_training_rate: Annotated[float, Bounds(above=0, most=1)] = 0.3
    ema: Annotated[float, Bounds(0, 1)] = 0.998

    def __post_init__(self) -> None:
        check_fields(self)
