"""The words that training looks for: the image tower's own label space, its kinds, and everyday nouns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import torch
import torch.nn.functional as F
from torch import Tensor

from freeseg.models.iclip import ICLIP, Classifier
from freeseg.words import TEMPLATES, Vocabulary, vocabulary
from freeseg.words.embedded import average_prompts

NOUNS = "common"


@dataclass(frozen=True)
class TrainingWords:
    """Text-tower embeddings (prompt-averaged) of the words that training looks for.

    Attributes:
        classes: (K, T), the image tower's label space.
        kinds: (G, T), the kinds of those classes (dog, bird, car, ...).
        kind_of: (K,), the kind of each class.
        nouns: (N, T), the nouns that captions are searched for; (N, 0) where their embeddings are not asked for.
    """

    classes: Tensor
    kinds: Tensor
    kind_of: Tensor
    nouns: Tensor

    def to(self, device: torch.device) -> TrainingWords:
        """The same on a device."""
        return TrainingWords(*(part.to(device) for part in (self.classes, self.kinds, self.kind_of, self.nouns)))


def imagenet_classes() -> list[tuple[str, str]]:
    """ImageNet's 1,000 classes in order, each with its kind: ("Chihuahua", "dog"); its own name where it has none.

    Example:
        >>> imagenet_classes()[151], len(imagenet_classes())
        (('Chihuahua', 'dog'), 1000)
    """
    text = resources.files("freeseg.words").joinpath("imagenet.txt").read_text(encoding="utf-8")
    return [(line.split(" | ")[0], line.split(" | ")[-1]) for line in text.splitlines()]


def training_words(model: ICLIP, *, classes: bool = True, nouns: bool = True) -> TrainingWords:
    """Embed the words. A class is the mean of its name and its kind: a Chihuahua is a dog as well.

    An image tower without a label space has no classes and no kinds.

    Args:
        model: The model that is trained.
        classes: Whether classes and kinds are looked for. They are more than 1,000 words to embed.
        nouns: Whether nouns are.
    """
    searched = vocabulary(NOUNS)
    noun_embeddings = _embed_labels(model, searched) if nouns else torch.empty(len(searched.labels), 0)
    if not classes or not isinstance(model.image_tower, Classifier):
        return TrainingWords(torch.empty(0, 0), torch.empty(0, 0), torch.empty(0, dtype=torch.int64), noun_embeddings)
    return _with_classes(model, noun_embeddings)


def _with_classes(model: ICLIP, nouns: Tensor) -> TrainingWords:
    classes = imagenet_classes()
    kinds = sorted({kind for _, kind in classes})
    kind_of = torch.tensor([kinds.index(kind) for _, kind in classes])
    kind_embeddings = _embed(model, kinds)
    names = F.normalize(_embed(model, [name for name, _ in classes]) + kind_embeddings[kind_of], dim=1)
    return TrainingWords(names, kind_embeddings, kind_of, nouns)


def _embed(model: ICLIP, words: Sequence[str]) -> Tensor:
    """Prompt-averaged unit vectors of words, in the text tower's own space (W, T)."""
    prompts = [template.replace("{}", word) for word in words for template in TEMPLATES]
    return torch.from_numpy(average_prompts(model.text_tower(prompts).cpu().numpy(), len(words)))


def _embed_labels(model: ICLIP, labels: Vocabulary) -> Tensor:
    """One unit vector per label: the mean over its aliases (N, T)."""
    aliases = _embed(model, labels.aliases)
    label_of_alias = torch.tensor(labels.label_of_alias)
    return F.normalize(torch.zeros(len(labels.labels), aliases.shape[1]).index_add_(0, label_of_alias, aliases), dim=1)
