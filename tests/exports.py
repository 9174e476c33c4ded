"""Exported models for tests: their labels, and a tiny model with a decision rule of its own."""

from __future__ import annotations

from dataclasses import replace

from freeseg.decision.rule import Decision
from freeseg.loading import on_torch
from freeseg.models import Config, Preprocessing, TowerPair
from freeseg.pipeline import FreeSeg
from tiny import tell_patches_apart, tiny_iclip

LABELS = "cat|kitten, dog, red car, grass"
PHOTO_LABELS = "cat, cup|mug, person|woman, dog"


def tiny_model(seed: int = 0, **rule: float) -> FreeSeg:
    """A tiny model with a decision rule of its own."""
    config = Config(
        "tiny", TowerPair("tiny", "tiny"), preprocessing=Preprocessing(96), decision=replace(Decision(), **rule)
    )
    return on_torch(tell_patches_apart(tiny_iclip(seed=seed)), config)
