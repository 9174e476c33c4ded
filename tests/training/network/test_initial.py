"""A network's own settings, before it is trained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from freeseg.loading import on_torch
from freeseg.training.network.initial import network_config
from networks import tiny_config
from tiny import tiny_iclip


@pytest.mark.parametrize(("stride", "own", "steps"), [(16, 10, 5), (8, 10, 10), (32, 10, 3), (16, 0, 0), (14, 1, 1)])
def test_refinement_reaches_as_far_as_the_teachers(stride: int, own: int, steps: int) -> None:
    """A step goes from a patch to its neighbours, and a network's patches are 8 pixels wide."""
    model, config = tiny_iclip(), tiny_config()
    model.stride = stride
    teacher = on_torch(model, replace(config, decision=replace(config.decision, refine_steps=own)))
    network = network_config("mine", "segmentation-lite2", teacher)
    assert network.decision == replace(config.decision, refine_steps=steps)
