"""Towers: the table of their families, and what can be asked of any pair of towers.

To add a family, write a subclass of `Family` in a file of its own and add it to `FAMILIES`. Nobody but a family's own
files asks what kind a tower is. To import this needs no torch.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from freeseg.errors import PATH_CHARACTERS, FreeSegError, WeightsError, shortened
from freeseg.models import hub
from freeseg.models.config import TowerPair
from freeseg.models.towers import efficientnet_lite, minilm, segmentation_lite
from freeseg.models.towers.efficientnet_lite import EfficientNetLiteFamily
from freeseg.models.towers.family import Family, OpenedImageTower
from freeseg.models.towers.minilm import MiniLMFamily
from freeseg.models.towers.segmentation_lite import SegmentationLiteFamily
from freeseg.models.towers.transformer.family import TransformerFamily

if TYPE_CHECKING:
    from freeseg.models.iclip import ICLIP

# The first family that knows a name has it; the last one takes any folder and any name on the hub.
FAMILIES: tuple[Family, ...] = (
    EfficientNetLiteFamily(),
    SegmentationLiteFamily(),
    MiniLMFamily(),
    TransformerFamily(),
)
DEFAULT_IMAGE_TOWER = efficientnet_lite.DEFAULT  # of `freeseg pretrain`
DEFAULT_TEXT_TOWER = minilm.NAME  # beside image towers that have none of their own
DEFAULT_NETWORK = segmentation_lite.DEFAULT  # of `freeseg train`


def known_names() -> tuple[str, ...]:
    """The names of all towers that have one; folders and names on the hub are not among them."""
    return tuple(name for family in FAMILIES for name in family.names)


def family_of(name: str) -> Family:
    """The family that knows a tower.

    Raises:
        WeightsError: No family does; the message lists the names there are.

    Example:
        >>> family_of("efficientnet-lite2").trains_image_tower
        False
    """
    for family in FAMILIES:
        if family.knows(name):
            return family
    known = ", ".join(known_names())
    raise WeightsError(
        f"there is no tower {shortened(name, PATH_CHARACTERS)}; use a folder, a name on huggingface.co "
        f"(owner/name), or one of: {known}"
    )


def network_family(name: str) -> Family:
    """The family of a segmentation network, by the name of its image tower.

    Raises:
        FreeSegError: It is none that `freeseg train` trains; the message lists those there are.
    """
    for family in FAMILIES:
        if family.trains_image_tower and family.knows(name):
            return family
    raise FreeSegError(f"no encoder {shortened(name, PATH_CHARACTERS)}; use one of: {', '.join(network_names())}")


def network_names() -> tuple[str, ...]:
    """The names of the segmentation networks' image towers."""
    return tuple(name for family in FAMILIES if family.trains_image_tower for name in family.names)


def describe_image_towers(*, trained: bool) -> str:
    """What a user can name as an image tower, for help texts.

    Args:
        trained: Whether it is to be trained by `freeseg train`, or frozen under the heads of `freeseg pretrain`.

    Example:
        >>> describe_image_towers(trained=True)
        'segmentation-lite0, 1 or 2, each better and slower than the one before'
    """
    chosen = (family.image_towers for family in FAMILIES if family.trains_image_tower == trained)
    return "; or ".join(filter(None, chosen))


def dense_modes() -> tuple[str, ...]:
    """The names of the dense modes that any family has, for help texts.

    Example:
        >>> "surgery" in dense_modes()
        True
    """
    return tuple(dict.fromkeys(mode for family in FAMILIES for mode in family.dense_modes))


def zero_shot_family(folder: Path) -> Family | None:
    """The family whose checkpoint a folder holds; None for a model that FreeSeg wrote."""
    return next((family for family in FAMILIES if family.holds(folder)), None)


def resolve(image: str, *, text: str = "", mode: str = "", revision: str = "") -> TowerPair:
    """The towers that a user names, complete, and folders by their whole path.

    Args:
        image: The image tower.
        text: The text tower; "" for the image tower's own, or `DEFAULT_TEXT_TOWER` where it has none.
        mode: Dense mode of the image tower; "" for its family's own.
        revision: Branch, tag or commit of the image tower on the hub, and of the text tower in the same repository.

    Raises:
        WeightsError: There is no such tower, or it cannot be used as it was asked for.

    Example:
        >>> resolve("efficientnet-lite2").text
        'all-minilm-l6-v2'
    """
    family = family_of(image)
    for name in (image, text):
        hub.name_by_user(name)
    if text:
        text = family_of(text).full_name(text)
    pair = family.resolve(TowerPair(family.full_name(image), text, mode, image_revision=revision))
    return pair if pair.text else replace(pair, text=DEFAULT_TEXT_TOWER)


def untrained(towers: TowerPair, *, hidden: int = 0) -> ICLIP:
    """An ICLIP of a pair of towers whose heads are not trained yet; its joint space is the text tower's.

    Args:
        towers: The pair.
        hidden: Width of the image head's hidden layer; 0 for a linear head.

    Raises:
        WeightsError: A tower is missing or altered, or knows no images, or no words.
    """
    family = family_of(towers.image)
    image = family.open_image(towers)
    text = image.text_tower or family_of(towers.text).open_text(towers.text, revision=towers.text_revision)
    return family.join(image, text, hidden=hidden)


def towers_sha256(towers: TowerPair) -> dict[str, str]:
    """The sha256 of the frozen towers' weights, by name; towers that FreeSeg trains are not among them."""
    revisions = {towers.image: towers.image_revision, towers.text: towers.text_revision}
    families = {name: family_of(name) for name in revisions}
    return {
        name: family.sha256(name, revision=revisions[name])
        for name, family in families.items()
        if not family.trains_image_tower
    }


def identities(towers: TowerPair, *, weights_sha256: str = "") -> tuple[str, str]:
    """What the image features and the text embeddings of a pair depend on, as keys for their caches.

    Args:
        towers: The pair.
        weights_sha256: Of the checkpoint that they belong to, for image towers that FreeSeg trained.
    """
    image = family_of(towers.image).image_identity(towers, weights_sha256=weights_sha256)
    return image, family_of(towers.text).sha256(towers.text, revision=towers.text_revision)


__all__ = [
    "DEFAULT_IMAGE_TOWER",
    "DEFAULT_NETWORK",
    "DEFAULT_TEXT_TOWER",
    "FAMILIES",
    "Family",
    "OpenedImageTower",
    "TowerPair",
    "dense_modes",
    "describe_image_towers",
    "family_of",
    "identities",
    "known_names",
    "network_family",
    "network_names",
    "resolve",
    "towers_sha256",
    "untrained",
    "zero_shot_family",
]
