"""The family of the segmentation networks: EfficientNet-Lite under a feature pyramid, trained by `freeseg train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freeseg.errors import WeightsError
from freeseg.models.config import TowerPair
from freeseg.models.towers.efficientnet_lite import WEIGHTS, published_weights
from freeseg.models.towers.family import Family, OpenedImageTower

if TYPE_CHECKING:
    from freeseg.models.iclip import ICLIP, TextTower
    from freeseg.models.network import SegmentationNetwork, SegmentationTower

VARIANTS = {f"segmentation-lite{variant}": variant for variant in WEIGHTS}
DEFAULT = "segmentation-lite2"


class SegmentationLiteFamily(Family):
    """Segmentation networks on EfficientNet-Lite 0, 1 and 2."""

    names = tuple(VARIANTS)
    image_towers = "segmentation-lite0, 1 or 2, each better and slower than the one before"
    trains_image_tower = True

    def resolve(self, towers: TowerPair) -> TowerPair:
        """See `Family.resolve`: a network is trained on free masks, not on captions."""
        raise WeightsError(f"{towers.image} is trained on free masks, by freeseg train; name a frozen image tower")

    def sha256(self, name: str, *, revision: str = "") -> str:
        """See `Family.sha256`: of the published weights from which a training starts."""
        return WEIGHTS[VARIANTS[name]].sha256

    def open_image(self, towers: TowerPair) -> OpenedImageTower:
        """See `Family.open_image`: the tower has no weights yet, as they are part of the checkpoint."""
        return OpenedImageTower(_network_tower(towers.image))

    def join(self, image: OpenedImageTower, text_tower: TextTower, *, hidden: int = 0) -> SegmentationNetwork:
        """See `Family.join`."""
        from freeseg.models.network import SegmentationNetwork, SegmentationTower

        tower = image.tower
        assert isinstance(tower, SegmentationTower)  # noqa: S101 - `open_image` gives no other
        return SegmentationNetwork(tower, text_tower)

    def start_network(self, name: str, teacher: ICLIP) -> SegmentationNetwork:
        """See `Family.start_network`.

        The encoder has its published ImageNet weights, decoder and image head are drawn from torch's random state, and
        the text side is the teacher's.
        """
        from freeseg.models.network import SegmentationNetwork

        tower = _network_tower(name)
        published = published_weights(VARIANTS[name])
        tower.encoder.load_state_dict({key: each for key, each in published.items() if not key.startswith("fc.")})
        network = SegmentationNetwork(tower, teacher.text_tower)
        network.text_head.load_state_dict(teacher.text_head.state_dict())
        return network


def _network_tower(name: str) -> SegmentationTower:
    import torch

    from freeseg.models.network import SegmentationTower
    from freeseg.models.towers.efficientnet import EfficientNetLite

    tower = SegmentationTower(EfficientNetLite(VARIANTS[name], output_stride=32))
    return tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
