"""How a dense ICLIP is trained: every setting that decides the result, apart from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from freeseg.bounds import MOST_RATE, MOST_SEED, MOST_WEIGHT, Bounds, check_fields
from freeseg.models.precisions import OTHER_NAMES

ATTENTIONS = ("auto", "energy", "none")  # what weighs patches without another tower


@dataclass(frozen=True)
class TeacherRecipe:
    """How a dense ICLIP is trained: every setting that decides the result, apart from the data.

    The optimiser is AdamW with a warm-up and a cosine.

    Attributes:
        pooling: How the patches of a photo become one similarity per caption.
        where: What is pooled: each channel of the features, or the similarities between patches and texts.
        tau: Temperature of smoothed min pooling and of softmax pooling.
        attention: What decides how much each patch counts: the energy of the image tower's own features, the class
            token of another tower (`TrainingData.attention`), or nothing. "auto" is "energy" for an image tower with a
            label space of its own and "none" for a transformer.
        smoothing: Side of the square over which maps are averaged before the pooling, in patches. It is odd. 1 turns
            the averaging off.
        captions: How many captions of each photo a step sees.
        nouns: Weight of the contrast between photos and the nouns of their captions. 0 turns it off.
        distill: Weight of vocabulary distillation on the names of the image tower's classes. 0 turns it off.
        distill_kinds: Weight of vocabulary distillation on the kinds of the classes (dog, bird, car, ...). 0 turns it
            off.
        distill_scale: Logit scale of the words in vocabulary distillation.
        distill_patches: How many patches of each photo vocabulary distillation sees. Each step draws others.
        epochs: How many times a training goes through all photos.
        batch_size: How many photos each step sees.
        learning_rate: Highest learning rate, after the warm-up.
        weight_decay: Weight decay of AdamW.
        seed: Seed of everything that is drawn at random.
        precision: Number format of the computation. bfloat16 is faster on hardware that supports it.

    Raises:
        FreeSegError: A setting makes no sense; the message names it.

    Example:
        >>> TeacherRecipe(pooling="mean", epochs=3).learning_rate
        0.003
    """

    pooling: Literal["mean", "max", "masked-max", "min", "smoothed-min", "softmax"] = "smoothed-min"
    where: Literal["features", "similarities"] = "similarities"
    tau: Annotated[float, Bounds(above=0, most=MOST_WEIGHT)] = 0.5
    attention: Literal["auto", "energy", "class", "none"] = "auto"
    smoothing: Annotated[int, Bounds(1, 99, odd=True)] = 1
    captions: Annotated[int, Bounds(1, 100)] = 2
    nouns: Annotated[float, Bounds(0, MOST_WEIGHT)] = 0.0
    distill: Annotated[float, Bounds(0, MOST_WEIGHT)] = 1.0
    distill_kinds: Annotated[float, Bounds(0, MOST_WEIGHT)] = 0.0
    distill_scale: Annotated[float, Bounds(above=0, most=MOST_WEIGHT)] = 20.0
    distill_patches: Annotated[int, Bounds(1, 10_000)] = 8
    epochs: Annotated[int, Bounds(1, 1_000_000)] = 6
    batch_size: Annotated[int, Bounds(2, 1_000_000)] = 256
    learning_rate: Annotated[float, Bounds(above=0, most=MOST_RATE)] = 3e-3
    weight_decay: Annotated[float, Bounds(0, MOST_RATE)] = 0.01
    seed: Annotated[int, Bounds(0, MOST_SEED)] = 0
    precision: Annotated[Literal["float32", "bfloat16"], OTHER_NAMES] = "float32"

    def __post_init__(self) -> None:
        check_fields(self)
