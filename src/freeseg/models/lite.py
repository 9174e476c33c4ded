"""FreeSeg-Lite's two towers, from the installed weight packages."""

from __future__ import annotations

import torch

from freeseg.models.efficientnet import SCALING, EfficientNetLite, fold_batch_norms
from freeseg.models.iclip import ICLIP
from freeseg.models.minilm import MiniLM
from freeseg.models.weights import EFFICIENTNET_LITE

DIM = 384
MULTILEVEL = "-multilevel"
IMAGE_TOWERS = {f"efficientnet-lite{variant}{levels}": variant for levels in ("", MULTILEVEL) for variant in SCALING}
TEXT_TOWER = "all-minilm-l6-v2"


def efficientnet_lite(name: str, output_stride: int = 16) -> EfficientNetLite:
    """The image tower, by a name in IMAGE_TOWERS, with its published ImageNet weights, frozen, in evaluation mode.

    Raises:
        WeightsError: The weight package is missing or altered.
    """
    variant = IMAGE_TOWERS[name]
    published = torch.load(EFFICIENTNET_LITE[variant].path(), map_location="cpu", weights_only=True)
    tower = EfficientNetLite(variant, output_stride, multilevel=name.endswith(MULTILEVEL))
    tower.load_state_dict(fold_batch_norms(published))
    tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return tower.eval().requires_grad_(False)


def untrained(image_tower: str = "efficientnet-lite2", hidden: int = 0) -> ICLIP:
    """An ICLIP of frozen, published towers whose heads are not trained yet."""
    return ICLIP(efficientnet_lite(image_tower), MiniLM.pretrained().requires_grad_(False), DIM, hidden)
