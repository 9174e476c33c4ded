"""The network that a training starts from, and what its config says."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from freeseg.engines.choose import require_torch
from freeseg.models import Config, TowerPair
from freeseg.models.network import STRIDE, SegmentationNetwork
from freeseg.models.towers import network_family
from freeseg.photos.references import PhotoReference
from freeseg.pipeline import FreeSeg
from freeseg.training.network.initial_decoder import MAX_PHOTOS, fit_decoder
from freeseg.training.network.teacher import Teacher


def network_config(name: str, encoder: str, teacher: FreeSeg) -> Config:
    """The config of a network that is to be trained: words and decision are its teacher's."""
    own = teacher.config
    # Refinement reaches from patch to patch: where they are half as wide, half the steps go as far.
    steps = math.ceil(own.decision.refine_steps * STRIDE / teacher.engine.stride)
    return Config(
        name,
        TowerPair(encoder, own.towers.text, text_revision=own.towers.text_revision),
        same_meaning=own.same_meaning,
        decision=replace(own.decision, refine_steps=steps),
        licence=own.licence,
    )


def initial_network(
    encoder: str,
    teacher_model: FreeSeg,
    teacher: Teacher,
    photos: Sequence[PhotoReference],
    rows: NDArray[np.int64],
    device: torch.device,
) -> SegmentationNetwork:
    """A network whose patches are a linear prediction of its teacher's.

    Where the teacher is itself a network with the same encoder, it is a copy of it.

    Args:
        encoder: A network's name, one that `freeseg.models.towers.network_family` knows.
        teacher_model: The teacher.
        teacher: The same with its features of the photos.
        photos: The photos that are trained on.
        rows: The row of each of them in the teacher's features.
        device: Where the network goes.
    """
    model = require_torch(teacher_model.engine).model
    if isinstance(model, SegmentationNetwork) and teacher_model.config.towers.image == encoder:
        return copy.deepcopy(model)
    network = network_family(encoder).start_network(encoder, model).to(device)
    chosen = np.linspace(0, len(photos) - 1, min(MAX_PHOTOS, len(photos))).astype(int)
    targets = [teacher.patches(rows[index : index + 1])[0] for index in chosen]
    fit_decoder(network, [photos[index] for index in chosen], targets)
    return network
