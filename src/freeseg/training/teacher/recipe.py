"""How a dense ICLIP is trained: every setting that decides the result, apart from the data."""

from __future__ import annotations

from dataclasses import dataclass

from freeseg.decision.pooling import POOLINGS
from freeseg.errors import FreeSegError


@dataclass(frozen=True)
class TeacherRecipe:
    """How a dense ICLIP is trained. Everything that decides the result, apart from the data.

    Attributes:
        pooling: One of `freeseg.decision.pooling.POOLINGS`.
        where: "features" or "similarities": what is pooled.
        tau: Temperature of smoothed min and of softmax pooling.
        attention: "energy" weights patches by the image tower's own free attention, "class" by that of another
            tower's class token (`TrainingData.attention`), "none" counts all alike.
        smoothing: Side of the spatial average before the pooling, odd; 1 for none.
        captions: Captions of each photo that a step sees.
        nouns: Weight of the contrast between photos and the nouns of their captions; 0 turns it off.
        distill: Weight of vocabulary distillation on the class names; 0 turns it off.
        distill_kinds: Weight of vocabulary distillation on the kinds of the classes (dog, bird, car, ...).
        distill_scale: Logit scale of the words in distillation.
        distill_patches: Patches per photo that distillation looks at, drawn anew at each step.
        epochs, batch_size, learning_rate, weight_decay, seed: As everywhere; AdamW with a cosine.
        precision: "float32", or "bfloat16" for the large products (faster where the processor has it).
    """

    pooling: str = "smoothed-min"
    where: str = "similarities"
    tau: float = 0.5
    attention: str = "energy"
    smoothing: int = 1
    captions: int = 2
    nouns: float = 0.0
    distill: float = 1.0
    distill_kinds: float = 0.0
    distill_scale: float = 20.0
    distill_patches: int = 8
    epochs: int = 6
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    seed: int = 0
    precision: str = "float32"

    def __post_init__(self) -> None:
        choices = {
            "pooling": tuple(POOLINGS),
            "where": ("features", "similarities"),
            "attention": ("energy", "class", "none"),
            "precision": ("float32", "bfloat16"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise FreeSegError(f"{name} is {getattr(self, name)!r}; it must be one of: {', '.join(allowed)}")
        if self.tau <= 0 or self.epochs < 1 or self.batch_size < 2 or self.smoothing % 2 == 0:
            raise FreeSegError("tau must be above 0, epochs at least 1, batch size at least 2, smoothing odd")
        if self.smoothing < 1 or self.captions < 1 or self.learning_rate <= 0:
            raise FreeSegError("smoothing and captions must be at least 1, learning rate above 0")
        if min(self.seed, self.weight_decay, self.nouns, self.distill, self.distill_kinds) < 0:
            raise FreeSegError("seed, weight decay and the losses' weights must not be below 0")
